//! HTTP+SSE of 2024-11-05.

use super::*;
use crate::gateway::Mailbox as _;

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

/// Sends a message to where the stream said; the answer has no body.
fn send(gateway: &Double, body: &Value) -> Response {
    let boxes = gateway.boxes();
    let path = format!("/messages?session={}&stream={}", boxes[0], boxes[1]);
    exchange_at(gateway, Verb::Post, &path, &JSON, body.to_string().as_bytes(), None)
}

fn request(id: u32, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn initialize() -> Value {
    request(0, "initialize", json!({"protocolVersion": "2024-11-05", "capabilities": {}}))
}

fn stream(gateway: &Double) -> Response {
    exchange_at(gateway, Verb::Get, "/sse", &[("Accept", "text/event-stream")], b"", None)
}

#[test]
fn one_stream_has_the_address_and_every_answer() {
    let gateway = gateway();
    gateway.when_waiting(|gateway| {
        assert_eq!(
            (
                send(gateway, &initialize()).status,
                send(
                    gateway,
                    &json!(
        {"jsonrpc": "2.0", "method": "notifications/initialized"})
                )
                .status
            ),
            (202, 202)
        )
    });
    gateway.when_waiting(|gateway| {
        let call = request(1, "tools/call", json!({"name": "echo", "arguments": {"a": 1}}));
        let response = send(gateway, &call);
        assert_eq!((response.status, response.body.as_str()), (202, ""));
        send(gateway, &request(2, "no/such", json!({})));
    });
    gateway.when_waiting(|gateway| gateway.gone.set(true));
    let response = stream(&gateway);
    let boxes = gateway.boxes();
    let endpoint = format!("event: endpoint\ndata: /messages?session={}&stream={}\n\n", boxes[0], boxes[1]);
    let rest = response.body.strip_prefix(&endpoint).unwrap_or_else(|| panic!("{}", response.body));
    let data = rest.split("\n\n").filter_map(|event| event.strip_prefix("event: message\ndata: "));
    let messages: Vec<Value> = data.map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(messages[0]["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(messages[1]["result"]["content"][0]["text"], "{\"a\":1}");
    assert_eq!((&messages[2]["id"], &messages[2]["error"]["code"]), (&json!(2), &json!(-32601)));
    // The session has ended with the stream.
    assert_eq!(send(&gateway, &request(3, "ping", json!({}))).status, 404);
}

#[test]
fn what_the_client_said_in_initialize_holds_for_its_calls() {
    let gateway = gateway();
    gateway.when_waiting(|gateway| {
        let capabilities = json!({"sampling": {}, "roots": {}});
        send(
            gateway,
            &request(0, "initialize", json!({"protocolVersion": "2025-06-18", "capabilities": capabilities})),
        );
        send(gateway, &request(1, "tools/call", json!({"name": "echo"})));
    });
    gateway.when_waiting(|gateway| gateway.gone.set(true));
    stream(&gateway);
    let features = gateway.started.borrow()[0].client;
    use crate::bindings::tidegate::types::event::ClientFeatures;
    assert_eq!(features, ClientFeatures::SAMPLING | ClientFeatures::ROOTS);
}

#[test]
fn a_session_is_met_with_both_of_its_ids_only() {
    let gateway = gateway();
    gateway.when_waiting(|gateway| {
        let other = begin(gateway, "2025-06-18", json!({}));
        let boxes = gateway.boxes();
        let ping = request(1, "ping", json!({})).to_string();
        for path in [
            "/messages".to_owned(),
            format!("/messages?session={}", boxes[0]),
            format!("/messages?session={}&stream={}", boxes[0], boxes[0]),
            format!("/messages?session={other}&stream={}", boxes[1]),
            format!("/messages?stream={}", boxes[1]),
        ] {
            let response = exchange_at(gateway, Verb::Post, &path, &JSON, ping.as_bytes(), None);
            assert_eq!(response.status, 404, "{path}: {}", response.body);
        }
        let path = format!("/messages?session={}&stream={}", boxes[0], boxes[1]);
        for (body, status) in [("[]", 400), ("{", 400), ("[{}]", 400)] {
            let response = exchange_at(gateway, Verb::Post, &path, &JSON, body.as_bytes(), None);
            assert_eq!(response.status, status, "{body}");
        }
        assert_eq!(exchange_at(gateway, Verb::Post, &path, &[], ping.as_bytes(), None).status, 415);
        assert_eq!(exchange_at(gateway, Verb::Get, &path, &[], b"", None).allow, Some("POST"));
        assert_eq!(exchange_at(gateway, Verb::Post, "/sse", &JSON, b"", None).allow, Some("GET"));
        gateway.gone.set(true);
    });
    stream(&gateway);
}

#[test]
fn a_stream_that_fell_behind_ends_instead_of_losing_answers() {
    let gateway = gateway();
    gateway.when_waiting(|gateway| {
        let log = crate::gateway::Gateway::open(gateway, &gateway.boxes()[1]).unwrap();
        // As if the one after it were gone already.
        log.post(b"?").unwrap();
        log.post(b"E{\"lost\":1}").unwrap();
    });
    assert!(!stream(&gateway).body.contains("lost"));
}
