//! What happens while calls run, as official clients see it: progress, messages, cancellation, state, many at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_e2e::{Client, Library, Node, Transport, grant};

/// Every library and era, over both transports.
const WAYS: [(Library, Transport); 8] = [
    (Library::Python("legacy"), Transport::Http),
    (Library::Python("2026-07-28"), Transport::Http),
    (Library::Python("legacy"), Transport::Stdio),
    (Library::Python("2026-07-28"), Transport::Stdio),
    (Library::TypeScript("auto"), Transport::Http),
    (Library::TypeScript("auto"), Transport::Stdio),
    (Library::TypeScriptV1, Transport::Http),
    (Library::TypeScriptV1, Transport::Stdio),
];

fn node() -> Node {
    Node::with_fixtures(&["events", "echo"], &grant("events", "")).unwrap()
}

/// Waits until the log says something; the host writes it a moment after the client knows.
fn log_says(client: &Client, what: &str) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if client.log().contains(what) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn progress_and_messages_reach_the_client_during_the_call() {
    let node = node();
    for (library, transport) in WAYS {
        let mut client = Client::connect(library, transport, &node).unwrap();
        let step = json!({"do": "call", "tool": "work", "arguments": {"steps": 3, "step_ms": 60}, "progress": true});
        let worked = client.step(&step).unwrap();
        let way = format!("{library:?} over {transport:?}: {worked}");
        assert_eq!(worked["result"]["content"][0]["text"], "3 steps", "{way}");
        let progress = worked["progress"].as_array().unwrap();
        // A library may drop what arrives together with the result.
        assert!(progress.len() >= 2, "{way}");
        assert_eq!(progress[0]["progress"].as_f64(), Some(1.0), "{way}");
        assert_eq!(progress[0]["total"].as_f64(), Some(3.0), "{way}");
        assert_eq!(progress[0]["message"], "step 1", "{way}");
        let messages = worked["messages"].as_array().unwrap();
        assert!(messages.len() >= 2, "{way}");
        assert_eq!((&messages[0]["level"], &messages[0]["data"]), (&json!("info"), &json!("step 1 done")), "{way}");
        client.close().unwrap();
    }
}

#[test]
fn cancellation_reaches_the_guest() {
    let node = node();
    for (library, transport) in WAYS {
        let mut client = Client::connect(library, transport, &node).unwrap();
        let wait = json!({"do": "call", "tool": "wait", "arguments": {"ms": 20_000}, "cancel_after_ms": 300});
        assert_eq!(client.step(&wait).unwrap()["cancelled"], true, "{library:?} over {transport:?}");
        assert!(log_says(&client, "wait: cancelled"), "{library:?} over {transport:?}; log:\n{}", client.log());
        // The conversation goes on, and the one instance of the component is free again.
        let worked = client.call("work", &json!({"steps": 1})).unwrap();
        assert_eq!(worked["content"][0]["text"], "1 steps");
        client.close().unwrap();
    }
}

#[test]
fn ping_is_answered_where_the_era_has_it() {
    let node = node();
    for (library, transport) in WAYS {
        let mut client = Client::connect(library, transport, &node).unwrap();
        let ping = client.step(&json!({"do": "ping"})).unwrap();
        assert_eq!(ping["pong"] == true, !library.is_modern(), "{library:?} over {transport:?}: {ping}");
        client.close().unwrap();
    }
}

fn count(client: &mut Client) -> Value {
    client.call("count", &json!({})).unwrap()["structuredContent"]["count"].clone()
}

/// A component that failed starts again after a pause, and until then says so.
fn count_after_restart(client: &mut Client) -> Value {
    loop {
        let answer = client.step(&json!({"do": "call", "tool": "count"})).unwrap();
        let said = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
        if !said.contains("starts again in") {
            return answer["result"]["structuredContent"]["count"].clone();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_stateful_component_keeps_its_state_between_clients_and_loses_it_with_a_trap_or_the_host() {
    let node = node();
    let host = node.serve().unwrap();
    let mut first = Client::connect_to(Library::Python("auto"), &host.url()).unwrap();
    let mut second = Client::connect_to(Library::TypeScriptV1, &host.url()).unwrap();
    assert_eq!(count(&mut first), 1);
    assert_eq!(count(&mut second), 2, "one instance serves all clients");
    assert_eq!(count(&mut first), 3);
    let trapped = first.step(&json!({"do": "call", "tool": "trap"})).unwrap();
    assert!(trapped["error"].is_object() || trapped["result"]["isError"] == true, "{trapped}");
    assert_eq!(count_after_restart(&mut second), 1, "what trapped is thrown away");
    first.close().unwrap();
    second.close().unwrap();
    host.stop().unwrap();
    let host = node.serve().unwrap();
    let mut client = Client::connect_to(Library::Python("auto"), &host.url()).unwrap();
    assert_eq!(count(&mut client), 1, "memory is no storage");
    client.close().unwrap();
    host.stop().unwrap();
}

#[test]
fn long_and_foreign_text_comes_back_as_it_was() {
    let node = node();
    let large = "0123456789abcdeﬀ".repeat(60_000);
    assert!(large.len() > 1 << 20);
    let odd = "潮の満ち引き 🌊 \u{200f}مد\u{0301} \"\\\n\r\t\u{0}\u{7f}\u{2028}";
    for (library, transport) in WAYS {
        let mut client = Client::connect(library, transport, &node).unwrap();
        for text in [large.as_str(), odd] {
            let echoed = client.call("echo", &json!({"message": text})).unwrap();
            let same = echoed["content"][0]["text"] == text;
            assert!(same, "{library:?} over {transport:?} changed {} bytes", text.len());
        }
        client.close().unwrap();
    }
}

#[test]
fn a_hundred_calls_of_one_client_run_at_once_over_stdio() {
    let node = node();
    for library in [Library::Python("2026-07-28"), Library::TypeScriptV1] {
        let mut client = Client::connect(library, Transport::Stdio, &node).unwrap();
        let steps: Vec<Value> =
            (0..100).map(|n| json!({"do": "call", "tool": "echo", "arguments": {"message": n.to_string()}})).collect();
        let answers = client.step(&json!({"do": "together", "steps": steps})).unwrap();
        for (n, answer) in answers["together"].as_array().unwrap().iter().enumerate() {
            assert_eq!(answer["result"]["content"][0]["text"], n.to_string(), "{library:?}: {answer}");
        }
        client.close().unwrap();
    }
}
