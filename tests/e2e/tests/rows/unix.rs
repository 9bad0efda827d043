//! Through a Unix socket: the same protocol, and the client is a process of this machine.

use std::os::unix::fs::MetadataExt as _;

use serde_json::json;
use tidegate_e2e::{Client, Library, UnixHost};

use super::node;

#[test]
fn rows_through_a_unix_socket() {
    let node = node();
    let host = UnixHost::serve(&node).unwrap();
    let about = std::fs::metadata(host.socket()).unwrap();
    assert_eq!(about.mode() & 0o777, 0o600, "D18: for this user, unless the configuration says otherwise");
    for (mode, revision) in [("legacy", "2025-11-25"), ("auto", "2026-07-28")] {
        let access = json!({"socket": host.socket()});
        let mut client = Client::connect_as(Library::Python(mode), "http://localhost/mcp", &access).unwrap();
        assert_eq!(client.connected()["protocol"], revision, "{}", client.connected());
        let listed = client.step(&json!({"do": "list"})).unwrap();
        assert!(listed["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "echo"), "{mode}: {listed}");
        assert!(listed["pages"].as_u64().unwrap() > 1, "{mode}: {listed}");
        let said = client.call("echo", &json!({"message": "through a socket"})).unwrap();
        assert_eq!(said["content"][0]["text"], "through a socket", "{mode}");
        let work = json!({"do": "call", "tool": "work", "arguments": {"steps": 3, "step_ms": 40}, "progress": true});
        let worked = client.step(&work).unwrap();
        assert!(!worked["progress"].as_array().unwrap().is_empty(), "{mode}: a stream, too: {worked}");
        client.close().unwrap();
    }
    // The kernel says that it is the host's own user.
    let audit = std::fs::read_to_string(node.path("state/audit.jsonl")).unwrap();
    assert_eq!(audit.matches("\"principal\":\"local\"").count(), 4, "{audit}");
    assert!(!audit.contains("anonymous"), "{audit}");
    // Pages of others are refused here as anywhere: a browser does not reach a socket, but a proxy may.
    let page = host.exchange("GET /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n").unwrap();
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    let socket = host.socket().to_owned();
    host.stop().unwrap();
    assert!(!socket.exists(), "the socket goes with the host");
}
