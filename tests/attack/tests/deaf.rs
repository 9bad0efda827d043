//! Clients that open streams and do not read them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_attack::resident;
use tidegate_e2e::raw::{modern, modern_body};
use tidegate_e2e::{Host, Node, Wire, grant};

/// What a tool says to each of three clients that do not listen: 256 MiB.
const MESSAGES: u32 = 16_384;
const BYTES: usize = 16 << 10;
/// How much the host may grow meanwhile. The logs of two streams and three queues hold up to 44 MiB of it; without bounds
/// it would be 768 MiB.
const GROWTH: u64 = 128 << 20;
/// How long what must happen may take: generous, because machines are busy. The rule says 30 seconds.
const SOON: Duration = Duration::from_secs(100);

fn node() -> Node {
    let node = Node::with_fixtures(&["echo", "events"], "").unwrap();
    let events = grant("events", "limits = { deadline = \"2m\" }");
    node.write_policy(&[grant("protocol-mcp", "gateway = true"), grant("echo", ""), events].concat()).unwrap();
    node
}

fn call(id: u32, tool: &str, arguments: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
}

/// Streams on which a tool says more than anybody keeps: a modern call, a session's call, and HTTP+SSE.
fn floods(to: SocketAddr) -> Vec<Wire> {
    let flood = json!({"messages": MESSAGES, "bytes": BYTES});
    let (params, level) =
        (json!({"name": "flood", "arguments": flood}), json!({"io.modelcontextprotocol/logLevel": "info"}));
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "flood")];
    let first = Wire::post(to, &headers, &modern_body(&json!(1), "tools/call", &params, &level)).unwrap();

    let session = Wire::session(to, "2025-11-25", &json!({})).unwrap();
    let level = json!({"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": "info"}});
    let of = [("Mcp-Session-Id", session.as_str())];
    assert_eq!(Wire::post(to, &of, &level).unwrap().status, 200);
    let second = Wire::post(to, &of, &call(2, "flood", &flood)).unwrap();

    let mut third = Wire::send(to, "GET", "/sse", &[("Accept", "text/event-stream")], "").unwrap();
    let endpoint = third.event().unwrap().unwrap().data;
    let info =
        json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let begin = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": info});
    for message in [begin, level, call(2, "flood", &flood)] {
        let json = [("Content-Type", "application/json")];
        assert_eq!(Wire::send(to, "POST", &endpoint, &json, &message.to_string()).unwrap().status, 202);
    }
    vec![first, second, third]
}

/// Streams for changes: `subscriptions/listen`, and the stream of a session.
fn watches(to: SocketAddr, uri: &str) -> Vec<Wire> {
    let params = json!({"notifications": {"resourceSubscriptions": [uri]}});
    let first = Wire::modern(to, "subscriptions/listen", params, &json!({})).unwrap();
    let session = Wire::session(to, "2025-11-25", &json!({})).unwrap();
    let of = [("Mcp-Session-Id", session.as_str())];
    let subscribe = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": uri}});
    let answer = Wire::post(to, &of, &subscribe).unwrap().json().unwrap();
    assert!(answer["error"].is_null(), "{answer}");
    let headers = [("Accept", "text/event-stream"), ("Mcp-Session-Id", session.as_str())];
    let second = Wire::send(to, "GET", "/mcp", &headers, "").unwrap();
    vec![first, second]
}

/// Sockets that a process has open.
fn sockets(pid: u32) -> usize {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let is_socket = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    entries.filter(is_socket).count()
}

/// Until something holds: other clients are served, and the host keeps within its bound; gives the most that it had.
fn meanwhile(host: &Host, floor: u64, what: &str, mut holds: impl FnMut() -> bool) -> u64 {
    let (end, mut most) = (Instant::now() + SOON, 0);
    while !holds() {
        let params = json!({"name": "echo", "arguments": {"message": "m"}});
        let other = modern(host.address(), "tools/call", &params, &json!({})).unwrap();
        assert_eq!(other.status, 200, "{what}: {other:?}");
        most = most.max(resident(host.pid()).unwrap().saturating_sub(floor));
        assert!(most < GROWTH, "{what}: the host grew by {most} bytes");
        assert!(Instant::now() < end, "{what}: not within {SOON:?}; log:\n{}", host.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    most
}

#[test]
fn clients_that_do_not_read_calls_cost_bounded_memory_and_lose_their_connections() {
    let node = node();
    let host = node.serve().unwrap();
    let open = sockets(host.pid());
    let floor = resident(host.pid()).unwrap();
    let streams = floods(host.address());
    assert!(streams.iter().all(|stream| stream.status == 200), "{streams:?}");
    let said = format!("flood: {MESSAGES} messages of {BYTES} bytes");
    let flooded = || host.log().matches(&said).count() >= 2;
    let most = meanwhile(&host, floor, "while tools say more than is read", flooded);
    println!("grew by at most {} MiB", most >> 20);
    meanwhile(&host, floor, "until the connections end", || sockets(host.pid()) <= open);
    for mut stream in streams {
        // What was on its way arrives. The rest was dropped: before the result, or with the connection.
        let mut heard = 0;
        while let Ok(Some(_)) = stream.event() {
            heard += 1;
        }
        println!("{heard} of {MESSAGES} messages arrived");
        assert!(heard < MESSAGES / 2, "{heard}");
    }
    host.stop().unwrap();
}

#[test]
fn clients_that_do_not_read_changes_lose_their_connections() {
    let node = node();
    let host = node.serve().unwrap();
    let open = sockets(host.pid());
    let floor = resident(host.pid()).unwrap();
    let uri = format!("test://{}", "a".repeat(60 << 10));
    let streams = watches(host.address(), &uri);
    assert!(streams.iter().all(|stream| stream.status == 200));
    let params = json!({"name": "stir", "arguments": {"times": 1_000, "uri": uri}});
    let stirred = modern(host.address(), "tools/call", &params, &json!({})).unwrap();
    assert!(stirred.body.contains("stirred"), "{}", stirred.body);
    meanwhile(&host, floor, "until the connections end", || sockets(host.pid()) <= open);
    drop(streams);
    host.stop().unwrap();
}
