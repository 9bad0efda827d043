//! The binary of the edge profile serves official clients with native code that somebody signed, and compiles nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::json;
use tidegate_e2e::{Client, Library, Node, Transport};

/// Every shipped component, and their native code by the same signer.
fn node() -> Node {
    let node = Node::with_shipped_components().unwrap();
    let policy = std::fs::read_to_string(node.path("policy.toml")).unwrap();
    let policy = policy.replace("[\"component\"]", "[\"component\", \"native-code\"]");
    std::fs::write(node.path("policy.toml"), policy).unwrap();
    node.compile_components().unwrap();
    node.on_edge()
}

#[test]
fn signed_native_code_serves_official_clients() {
    let node = node();
    for (library, transport) in [
        (Library::Python("2026-07-28"), Transport::Http),
        (Library::Python("legacy"), Transport::Stdio),
        (Library::TypeScript("auto"), Transport::Http),
        (Library::TypeScriptV1, Transport::Stdio),
    ] {
        let way = format!("{library:?} over {transport:?}");
        let mut client = Client::connect(library, transport, &node).unwrap();
        let convert = json!({"time": "2026-03-29T12:00", "from": "Europe/Berlin", "to": ["UTC"]});
        let converted = client.call("convert_time", &convert).unwrap();
        assert!(converted.to_string().contains("10:00"), "{way}: {converted}");
        // Durable storage, a granted directory, and the state of the machine.
        client.call("add_note", &json!({"title": format!("by {way}"), "body": "kept", "tags": []})).unwrap();
        let notes = client.call("search_notes", &json!({"query": "Python"})).unwrap();
        assert!(notes.to_string().contains("by Python"), "{way}: {notes}");
        client.call("write_file", &json!({"path": "/files/hello.txt", "content": way})).unwrap();
        assert_eq!(std::fs::read_to_string(node.files().join("hello.txt")).unwrap(), way);
        let overview = client.call("system_overview", &json!({})).unwrap();
        assert!(overview["isError"] != true, "{way}: {overview}");
        client.close().unwrap();
    }
    let audit = std::fs::read_to_string(node.path("state/audit.jsonl")).unwrap();
    assert!(audit.contains("tool-time"), "{audit}");
}

#[test]
fn without_native_code_nothing_runs_and_the_reason_is_said() {
    let node = Node::with_shipped_components().unwrap().on_edge();
    let host = node.serve().unwrap();
    let log = host.stop().unwrap();
    assert!(log.contains("0 components") && log.contains("has no native code for"), "{log}");
}
