//! Streams that break, and clients that come back for the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_e2e::{Client, Library, Node, SseEvent, Wire, fixtures, grant};

/// A node with jobs; `config` is that of the protocol component.
fn node(config: &str) -> Node {
    let node = Node::with_fixtures(&["jobs"], "").unwrap();
    let kv = "kv = [{ namespace = \"jobs\", access = \"read-write\" }]\nlimits = { deadline = \"2m\" }";
    let protocol = format!("gateway = true\n{config}");
    node.write_policy(&[grant("protocol-mcp", &protocol), grant("jobs", kv)].concat()).unwrap();
    node
}

fn call(to: SocketAddr, session: &str, name: &str, ms: u64) -> Wire {
    let params = json!({"name": "talking_job", "arguments": {"name": name, "ms": ms}, "_meta": {"progressToken": 1}});
    let call = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params});
    Wire::post(to, &[("Mcp-Session-Id", session)], &call).unwrap()
}

fn resume(to: SocketAddr, session: &str, last: &str) -> Wire {
    let headers = [("Accept", "text/event-stream"), ("Mcp-Session-Id", session), ("Last-Event-ID", last)];
    Wire::send(to, "GET", "/mcp", &headers, "").unwrap()
}

/// What the events of a call say, in a word each.
fn brief(events: &[SseEvent]) -> Vec<String> {
    let messages = events.iter().filter(|event| !event.data.is_empty()).map(|event| event.json().unwrap());
    let text = |one: Value| match one["params"]["message"].as_str() {
        Some(message) => message.to_owned(),
        None => one["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned(),
    };
    messages.map(text).collect()
}

fn whole(name: &str) -> Vec<String> {
    let parts = (1..=5).map(|part| format!("part {part}"));
    parts.chain([format!("{name} is done")]).collect()
}

#[test]
fn nothing_is_lost_or_sent_twice_wherever_the_connection_breaks() {
    let node = node("");
    let host = node.serve().unwrap();
    let to = host.address();
    let session = Wire::session(to, "2025-11-25", &json!({})).unwrap();
    for breaks in 1..=6 {
        let name = format!("job {breaks}");
        let mut stream = call(to, &session, &name, 150);
        let mut seen: Vec<SseEvent> = (0..breaks).map(|_| stream.event().unwrap().unwrap()).collect();
        assert!(seen[0].data.is_empty() && seen[0].retry.is_some() && !seen[0].id.is_empty(), "{seen:?}");
        drop(stream);
        // And once more, after one event of the rest.
        let mut stream = resume(to, &session, &seen.last().unwrap().id);
        assert_eq!((stream.status, stream.header("content-type")), (200, Some("text/event-stream")));
        seen.extend(stream.event().unwrap());
        drop(stream);
        seen.extend(resume(to, &session, &seen.last().unwrap().id).events().unwrap());
        assert_eq!(brief(&seen), whole(&name), "broken after {breaks}");
        let mut ids: Vec<&str> = seen.iter().map(|event| event.id.as_str()).collect();
        ids.dedup();
        assert_eq!(ids.len(), seen.len());
    }
    host.stop().unwrap();
}

#[test]
fn a_result_waits_for_a_client_that_was_away_when_it_came() {
    let node = node("");
    let host = node.serve().unwrap();
    let to = host.address();
    let session = Wire::session(to, "2025-11-25", &json!({})).unwrap();
    let mut stream = call(to, &session, "away", 100);
    let first = stream.event().unwrap().unwrap();
    drop(stream);
    std::thread::sleep(Duration::from_secs(2));
    let rest = resume(to, &session, &first.id).events().unwrap();
    assert_eq!(brief(&rest), whole("away"));
    // The stream of another session is not there, whoever knows its id.
    let other = Wire::session(to, "2025-11-25", &json!({})).unwrap();
    assert_eq!(resume(to, &other, &first.id).status, 400);
    assert_eq!(resume(to, "0123", &first.id).status, 404);
    // With its session a stream ends.
    let ended = Wire::send(to, "DELETE", "/mcp", &[("Mcp-Session-Id", &session)], "").unwrap();
    assert_eq!(ended.status, 204);
    assert_eq!(resume(to, &session, &first.id).status, 404);
    host.stop().unwrap();
}

#[test]
fn two_connections_to_one_stream_do_not_share_it() {
    let node = node("");
    let host = node.serve().unwrap();
    let to = host.address();
    let session = Wire::session(to, "2025-11-25", &json!({})).unwrap();
    let mut first = call(to, &session, "two", 400);
    let start = first.event().unwrap().unwrap();
    let second = resume(to, &session, &start.id);
    let (left, rest) = (first.events().unwrap(), second.events().unwrap());
    assert_eq!(brief(&rest), whole("two"), "who came last has all");
    assert!(left.len() < rest.len(), "the first connection was ended: {left:?}");
    host.stop().unwrap();
}

#[test]
fn changes_of_the_catalog_wait_for_the_stream_of_a_session() {
    let node = node("");
    let host = node.serve().unwrap();
    let to = host.address();
    let session = Wire::session(to, "2025-11-25", &json!({})).unwrap();
    let headers = [("Accept", "text/event-stream"), ("Mcp-Session-Id", session.as_str())];
    let mut stream = Wire::send(to, "GET", "/mcp", &headers, "").unwrap();
    let start = stream.event().unwrap().unwrap();
    assert!(start.data.is_empty() && !start.id.is_empty());
    drop(stream);
    let echo = node.sign_into("more", &fixtures().unwrap().join("echo.wasm")).unwrap();
    node.write_policy(&[grant("protocol-mcp", "gateway = true"), grant("jobs", ""), grant("echo", "")].concat())
        .unwrap();
    let added = node.command(&json!({"command": "add", "path": echo}));
    let mut stream = resume(to, &session, &start.id);
    if added.is_ok() {
        let told = stream.event().unwrap().unwrap();
        assert_eq!(told.json().unwrap()["method"], "notifications/tools/list_changed");
        drop(stream);
        // It was had: after it, nothing has changed.
        let mut stream = resume(to, &session, &told.id);
        node.command(&json!({"command": "remove", "name": "echo"})).unwrap();
        let next = stream.event().unwrap().unwrap();
        assert_eq!(next.json().unwrap()["method"], "notifications/tools/list_changed");
        assert_ne!(next.id, told.id);
    } else {
        panic!("{added:?}");
    }
    host.stop().unwrap();
}

#[test]
fn official_clients_poll_for_what_a_closed_stream_still_owes() {
    let node = node("config = { poll-after = \"300\" }");
    let host = node.serve().unwrap();
    for library in [Library::Python("legacy"), Library::TypeScript("legacy"), Library::TypeScriptV1] {
        let mut client = Client::connect_to(library, &host.url()).unwrap();
        let start = Instant::now();
        let arguments = json!({"name": format!("{library:?}"), "ms": 2_500});
        let answer = client.step(&json!({"do": "call", "tool": "job", "arguments": arguments})).unwrap();
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{library:?}: {answer}"));
        assert_eq!(text, format!("{library:?} is done"));
        assert!(start.elapsed() >= Duration::from_millis(2_500));
        client.close().unwrap();
    }
    host.stop().unwrap();
}
