//! HTTP+SSE, the transport of 2024-11-05, with the official clients that still speak it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::{Duration, Instant};

use serde_json::json;
use tidegate_e2e::{Client, Library, Node, Wire, grant};

const LIBRARIES: [Library; 2] = [Library::Python("legacy"), Library::TypeScriptV1];

fn node() -> Node {
    let kv = |name: &str| {
        let kv =
            format!("kv = [{{ namespace = \"{name}\", access = \"read-write\" }}]\nlimits = {{ deadline = \"2m\" }}");
        grant(name, &kv)
    };
    Node::with_fixtures(&["conformance", "jobs"], &[kv("conformance"), kv("jobs")].concat()).unwrap()
}

#[test]
fn official_clients_list_call_report_and_answer() {
    let node = node();
    let host = node.serve().unwrap();
    for library in LIBRARIES {
        let mut client = Client::connect_sse(library, &host).unwrap();
        assert_eq!(client.connected()["server"]["name"], "tidegate", "{library:?}");
        let tools = client.step(&json!({"do": "list"})).unwrap();
        assert!(tools["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "job"), "{tools}");
        let arguments = json!({"name": format!("{library:?}"), "ms": 60});
        let call = json!({"do": "call", "tool": "talking_job", "arguments": arguments, "progress": true});
        let answer = client.step(&call).unwrap();
        assert_eq!(answer["result"]["content"][0]["text"], format!("{library:?} is done"), "{answer}");
        let progress = answer["progress"].as_array().unwrap();
        assert!(progress.len() >= 4, "{library:?}: {progress:?}");
        let asked = client.call("test_elicitation", &json!({"message": "Who?"})).unwrap();
        assert!(asked.to_string().contains("my username"), "{library:?}: {asked}");
        let sampled = client.call("test_sampling", &json!({"prompt": "Say"})).unwrap();
        assert!(sampled.to_string().contains("sampled"), "{library:?}: {sampled}");
        let ping = client.step(&json!({"do": "ping"})).unwrap();
        assert_eq!(ping["pong"], true, "{library:?}");
        let steps: Vec<_> = (0..20)
            .map(|n| json!({"do": "call", "tool": "job", "arguments": {"name": format!("{n}"), "ms": 40}}))
            .collect();
        let answers = client.step(&json!({"do": "together", "steps": steps})).unwrap();
        for (n, answer) in answers["together"].as_array().unwrap().iter().enumerate() {
            assert_eq!(answer["result"]["content"][0]["text"], format!("{n} is done"), "{library:?}: {answer}");
        }
        client.close().unwrap();
    }
    host.stop().unwrap();
}

#[test]
fn the_session_ends_with_its_stream_and_takes_its_calls_with_it() {
    let node = node();
    let host = node.serve().unwrap();
    let to = host.address();
    let mut stream = Wire::send(to, "GET", "/sse", &[("Accept", "text/event-stream")], "").unwrap();
    let endpoint = stream.event().unwrap().unwrap();
    assert_eq!(endpoint.event, "endpoint");
    let send = |message: &serde_json::Value| {
        let json = [("Content-Type", "application/json")];
        Wire::send(to, "POST", &endpoint.data, &json, &message.to_string()).unwrap().status
    };
    let info =
        json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    assert_eq!(send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": info})), 202);
    assert_eq!(stream.event().unwrap().unwrap().json().unwrap()["result"]["protocolVersion"], "2024-11-05");
    let call = json!({"name": "job", "arguments": {"name": "left", "ms": 60_000}});
    assert_eq!(send(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})), 202);
    let noted = || {
        let params = json!({"name": "noted", "arguments": {"name": "left"}});
        let answer = Wire::modern(to, "tools/call", params, &json!({})).unwrap().json().unwrap();
        answer["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    };
    let wait_for = |expected: &str| {
        let end = Instant::now() + Duration::from_secs(30);
        while noted() != expected {
            assert!(Instant::now() < end, "{}", noted());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_for("began 1, stopped 0, ended 0");
    drop(stream);
    wait_for("began 1, stopped 1, ended 0");
    assert_eq!(send(&json!({"jsonrpc": "2.0", "id": 2, "method": "ping"})), 404);
    host.stop().unwrap();
}

#[test]
fn pages_of_others_are_refused_here_too() {
    let node = node();
    let host = node.serve().unwrap();
    for (method, path) in [("GET", "/sse"), ("POST", "/messages?session=0&stream=0")] {
        let headers = [("Origin", "https://evil.example"), ("Content-Type", "application/json")];
        let answer = Wire::send(host.address(), method, path, &headers, "{}").unwrap();
        assert_eq!(answer.status, 403, "{path}");
    }
    host.stop().unwrap();
}
