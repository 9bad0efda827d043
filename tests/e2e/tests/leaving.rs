//! Clients that leave in the middle of a call: what that means depends on the revision, and the guest notices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_e2e::{Client, Library, Node, Wire, grant};

fn node() -> Node {
    let kv = "kv = [{ namespace = \"jobs\", access = \"read-write\" }]\nlimits = { deadline = \"2m\" }";
    Node::with_fixtures(&["jobs"], &grant("jobs", kv)).unwrap()
}

fn noted(to: SocketAddr, name: &str) -> String {
    let params = json!({"name": "noted", "arguments": {"name": name}});
    let answer = Wire::modern(to, "tools/call", params, &json!({})).unwrap().json().unwrap();
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn wait_for(to: SocketAddr, name: &str, expected: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let noted = noted(to, name);
        if noted == expected {
            return;
        }
        assert!(Instant::now() < end, "{name}: {noted}, not {expected}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn job(name: &str, ms: u64) -> Value {
    json!({"name": "job", "arguments": {"name": name, "ms": ms}})
}

#[test]
fn in_the_stateless_revision_leaving_stops_the_guest() {
    let node = node();
    let host = node.serve().unwrap();
    let to = host.address();
    // A socket that closes: the plain case, answered in JSON.
    let head = job("socket", 60_000);
    let leaving = std::thread::spawn(move || {
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}});
        let mut params = head;
        params["_meta"] = meta;
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let mut stream = std::net::TcpStream::connect(to).unwrap();
        use std::io::Write as _;
        write!(
            stream,
            "POST /mcp HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\nAccept: application/json, \
             text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: job\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        wait_for(to, "socket", "began 1, stopped 0, ended 0");
    });
    leaving.join().unwrap();
    wait_for(to, "socket", "began 1, stopped 1, ended 0");

    // A stream that closes after its first event.
    let params = json!({"name": "talking_job", "arguments": {"name": "stream", "ms": 20_000}});
    let mut params = params;
    params["_meta"] = json!({"progressToken": "p", "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}});
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "talking_job")];
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let mut stream = Wire::post(to, &headers, &call).unwrap();
    assert_eq!(stream.event().unwrap().unwrap().json().unwrap()["method"], "notifications/progress");
    drop(stream);
    wait_for(to, "stream", "began 1, stopped 1, ended 0");

    // Official clients whose users lose patience.
    for (name, library) in [("python", Library::Python("2026-07-28")), ("node", Library::TypeScript("2026-07-28"))] {
        let mut client = Client::connect_to(library, &host.url()).unwrap();
        let call = json!({"do": "call", "tool": "job", "arguments": {"name": name, "ms": 60_000}});
        let mut call = call;
        call["cancel_after_ms"] = json!(500);
        assert_eq!(client.step(&call).unwrap()["cancelled"], true, "{name}");
        wait_for(to, name, "began 1, stopped 1, ended 0");
        client.close().unwrap();
    }
    host.stop().unwrap();
}

#[test]
fn in_revisions_with_sessions_the_call_goes_on() {
    let node = node();
    let host = node.serve().unwrap();
    let to = host.address();
    for (revision, name) in [("2025-03-26", "first"), ("2025-06-18", "second"), ("2025-11-25", "third")] {
        let session = Wire::session(to, revision, &json!({})).unwrap();
        let mut params = json!({"name": "talking_job", "arguments": {"name": name, "ms": 300}});
        params["_meta"] = json!({"progressToken": 7});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let mut stream = Wire::post(to, &[("Mcp-Session-Id", &session)], &call).unwrap();
        stream.event().unwrap().unwrap();
        drop(stream);
        wait_for(to, name, "began 5, stopped 0, ended 5");
    }
    host.stop().unwrap();
}
