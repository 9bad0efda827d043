//! The legacy era.

use super::*;
use crate::bindings::tidegate::gateway::calls::{Error, Event, Outcome};
use crate::bindings::tidegate::types::content::{Content, Media, ResourceEntry, Severity};
use crate::bindings::tidegate::types::event::{Change, Message};
use crate::bindings::tidegate::types::input::{NamedQuestion, Question, Questions};
use crate::gateway::Mailbox as _;

#[test]
fn initialize_agrees_on_a_version_and_makes_a_session() {
    for (wanted, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
    ] {
        let params =
            json!({"protocolVersion": wanted, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let response = post(&gateway(), &[], &body);
        let result = &response.json()["result"];
        assert_eq!((&result["protocolVersion"], &result["serverInfo"]["name"]), (&json!(agreed), &json!("tidegate")));
        assert_eq!(response.session.unwrap().len(), 32);
        assert!(result.get("resultType").is_none() && result.get("_meta").is_none());
    }
    for params in
        [json!({}), json!({"protocolVersion": 5, "capabilities": {}}), json!({"protocolVersion": "2025-11-25"})]
    {
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        assert_eq!(post(&gateway(), &[], &body).code(), json!(-32602));
    }
}

#[test]
fn a_request_needs_a_session_that_lives() {
    let gateway = gateway();
    let ping = json!({"jsonrpc": "2.0", "id": 4, "method": "ping"});
    let without = post(&gateway, &[], &ping);
    assert_eq!((without.status, without.json()["id"].clone()), (400, json!(4)));
    assert_eq!(post(&gateway, &[("Mcp-Session-Id", "0123")], &ping).status, 404);
    let session = begin(&gateway, "2025-11-25", json!({}));
    assert_eq!(post(&gateway, &[("mcp-session-id", &session)], &ping).json()["result"], json!({}));
    let foreign = [("Mcp-Session-Id", session.as_str()), ("MCP-Protocol-Version", "1999-01-01")];
    assert_eq!(post(&gateway, &foreign, &ping).status, 400);
    assert_eq!(exchange(&gateway, Verb::Delete, &[("Mcp-Session-Id", &session)], b"", None).status, 204);
    assert_eq!(post(&gateway, &[("Mcp-Session-Id", &session)], &ping).status, 404);
    assert_eq!(exchange(&gateway, Verb::Delete, &[], b"", None).status, 400);
}

#[test]
fn unknown_methods_and_modern_ones_are_errors_in_band() {
    let gateway = gateway();
    let session = begin(&gateway, "2025-11-25", json!({}));
    for method in ["server/discover", "subscriptions/listen", "no/such"] {
        let response = legacy(&gateway, &session, method, json!({}));
        assert_eq!((response.status, response.code()), (200, json!(-32601)));
    }
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(post(&gateway, &[("Mcp-Session-Id", &session)], &notification).status, 202);
}

fn talker() -> Double {
    gateway().tool("talk", |_| {
        let say = |severity| Event::Message(Message { severity, logger: Some("l".into()), data: "1".into() });
        vec![say(Severity::Info), say(Severity::Error), done("end")]
    })
}

#[test]
fn messages_follow_the_level_of_the_session() {
    let gateway = talker();
    let session = begin(&gateway, "2025-06-18", json!({}));
    assert_eq!(legacy(&gateway, &session, "tools/call", json!({"name": "talk"})).events().len(), 3);
    assert_eq!(legacy(&gateway, &session, "logging/setLevel", json!({"level": "error"})).json()["result"], json!({}));
    assert_eq!(legacy(&gateway, &session, "tools/call", json!({"name": "talk"})).events().len(), 2);
    assert_eq!(legacy(&gateway, &session, "logging/setLevel", json!({"level": "loud"})).code(), json!(-32602));
    assert!(!legacy(&gateway, &session, "tools/call", json!({"name": "echo"})).streamed);
}

#[test]
fn a_cancellation_reaches_the_call_and_nothing_is_answered() {
    let gateway = gateway().tool("slow", |_| vec![]);
    let session = begin(&gateway, "2025-11-25", json!({}));
    gateway.when_waiting(|gateway| gateway.post("C\"other\""));
    gateway.when_waiting(|gateway| gateway.post("C\"a\""));
    let response = legacy(&gateway, &session, "tools/call", json!({"name": "slow"}));
    assert_eq!((response.events().len(), gateway.cancels.get()), (0, 1));
    let note = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "a"}});
    assert_eq!(post(&gateway, &[("Mcp-Session-Id", &session)], &note).status, 202);
    let opened = crate::session::HttpSession::open(&gateway, Some(&session)).unwrap();
    assert_eq!(opened.seen, 4, "the cancellation is in the mailbox");
}

#[test]
fn a_client_that_goes_has_not_cancelled() {
    let gateway = talker();
    let session = begin(&gateway, "2025-11-25", json!({}));
    let headers = [&PLAIN[..], &[("Mcp-Session-Id", session.as_str())]].concat();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "talk"}});
    exchange(&gateway, Verb::Post, &headers, body.to_string().as_bytes(), Some(0));
    assert_eq!(gateway.cancels.get(), 0);
    let log = gateway.boxes().into_iter().find(|id| *id != session).unwrap();
    let kept = gateway.open(&log).unwrap().read(0, 99).unwrap();
    assert!(kept.iter().any(|message| String::from_utf8_lossy(&message.body).contains("\"end\"")), "the result waits");
}

#[test]
fn a_session_that_ends_takes_its_calls_with_it_and_says_so() {
    let gateway = gateway().tool("slow", |_| vec![]);
    let session = begin(&gateway, "2025-11-25", json!({}));
    let named = session.clone();
    gateway.when_waiting(move |gateway| {
        assert_eq!(exchange(gateway, Verb::Delete, &[("Mcp-Session-Id", &named)], b"", None).status, 204);
        gateway.forget();
    });
    let response = legacy(&gateway, &session, "tools/call", json!({"name": "slow"}));
    assert_eq!((response.status, response.json()["id"].clone()), (404, json!("a")));
}

#[test]
fn questions_become_requests_and_answers_come_by_the_session() {
    let gateway = gateway().tool("ask", |request| match request.answers.len() {
        0 => {
            let questions = vec![NamedQuestion { id: "dirs".into(), question: Question::Roots }];
            vec![Event::Done(Ok(Outcome::InputRequired(Questions { questions, state: Some(b"st".to_vec()) })))]
        }
        _ => vec![done(&format!("{:?} {:?}", request.answers[0].id, request.state))],
    });
    let session = begin(&gateway, "2025-11-25", json!({"roots": {}}));
    let named = session.clone();
    gateway.when_waiting(move |gateway| {
        let stranger = json!({"jsonrpc": "2.0", "id": "stranger", "result": {}});
        assert_eq!(post(gateway, &[("Mcp-Session-Id", &named)], &stranger).status, 202);
        let answer = json!({"jsonrpc": "2.0", "id": "0000000000000002-0", "result": {"roots": [{"uri": "file:///a"}]}});
        assert_eq!(post(gateway, &[("Mcp-Session-Id", &named)], &answer).status, 202);
    });
    let events = legacy(&gateway, &session, "tools/call", json!({"name": "ask"})).events();
    assert_eq!((&events[0]["method"], &events[0]["id"]), (&json!("roots/list"), &json!("0000000000000002-0")));
    assert_eq!(events[1]["result"]["content"][0]["text"], "\"dirs\" Some([115, 116])");
    let unable = begin(&gateway, "2025-11-25", json!({}));
    let refused = legacy(&gateway, &unable, "tools/call", json!({"name": "ask"})).json();
    assert_eq!(refused["result"]["isError"], true);
}

#[test]
fn batches_belong_to_one_revision() {
    let gateway = gateway();
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "echo"}},
        {"jsonrpc": "2.0", "id": 3, "method": "no"},
        5,
    ]);
    let session = begin(&gateway, "2025-03-26", json!({}));
    let named = [("Mcp-Session-Id", session.as_str())];
    let answers = post(&gateway, &named, &batch).json();
    let ids: Vec<_> = answers.as_array().unwrap().iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(ids, [json!(1), json!(2), json!(3), Value::Null]);
    assert_eq!(post(&gateway, &named, &json!([])).code(), json!(-32600));
    let silent = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
    assert_eq!(post(&gateway, &named, &silent).status, 202);
    for version in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let session = begin(&gateway, version, json!({}));
        let response = post(&gateway, &[("Mcp-Session-Id", &session)], &batch);
        assert_eq!((response.status, response.code()), (400, json!(-32600)), "{version}");
    }
}

#[test]
fn the_stream_of_a_session_tells_of_changes_until_the_session_ends() {
    let gateway = gateway();
    let session = begin(&gateway, "2025-11-25", json!({}));
    legacy(&gateway, &session, "resources/subscribe", json!({"uri": "a:1"}));
    gateway.changes.borrow_mut().extend([
        Change::Tools,
        Change::Resource("a:1".into()),
        Change::Resource("a:2".into()),
    ]);
    let headers = [("Accept", "text/event-stream"), ("Mcp-Session-Id", session.as_str())];
    let named = session.clone();
    gateway.when_waiting(move |gateway| {
        assert_eq!(exchange(gateway, Verb::Delete, &[("Mcp-Session-Id", &named)], b"", None).status, 204);
        gateway.forget();
    });
    let events = exchange(&gateway, Verb::Get, &headers, b"", None).events();
    let methods: Vec<_> = events.iter().map(|event| event["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["notifications/tools/list_changed", "notifications/resources/updated"]);
    assert_eq!(exchange(&gateway, Verb::Get, &[("Accept", "application/json")], b"", None).status, 406);
}

#[test]
fn old_revisions_get_only_what_they_know() {
    let gateway = gateway().tool("rich", |_| {
        let entry = ResourceEntry {
            uri: "a:1".into(),
            name: "n".into(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            annotations: None,
            icons: vec![],
            meta: None,
        };
        let sound = Media { data: vec![1, 2, 3], mime_type: "audio/wav".into(), annotations: None, meta: None };
        let mut output = text("t");
        output.content.extend([Content::Audio(sound), Content::Link(entry)]);
        output.structured = Some("{\"a\":\n1}".into());
        vec![Event::Done(Ok(Outcome::Tool(output)))]
    });
    for (version, kinds, structured) in [
        ("2024-11-05", ["text", "text", "text"], false),
        ("2025-03-26", ["text", "audio", "text"], false),
        ("2025-06-18", ["text", "audio", "resource_link"], true),
    ] {
        let session = begin(&gateway, version, json!({}));
        let result = legacy(&gateway, &session, "tools/call", json!({"name": "rich"})).json()["result"].clone();
        let found: Vec<_> = result["content"].as_array().unwrap().iter().map(|block| block["type"].clone()).collect();
        assert_eq!(found, kinds, "{version}");
        assert_eq!(result.get("structuredContent").is_some(), structured);
        let tool = legacy(&gateway, &session, "tools/list", json!({})).json()["result"]["tools"][0].clone();
        assert_eq!(tool.get("annotations").is_some(), version != "2024-11-05");
        assert_eq!(tool.get("title").is_some(), structured);
        assert!(tool.get("outputSchema").is_none(), "an array is no output schema for legacy clients");
    }
}

#[test]
fn arguments_that_do_not_fit_are_told_as_the_revision_has_it() {
    let gateway = gateway().tool("strict", |_| vec![Event::Done(Err(Error::InvalidArguments("no".into())))]);
    for (version, lenient) in [("2025-06-18", false), ("2025-11-25", true)] {
        let session = begin(&gateway, version, json!({}));
        let answer = legacy(&gateway, &session, "tools/call", json!({"name": "strict"})).json();
        assert_eq!(answer["result"]["isError"] == json!(true), lenient, "{version}");
        assert_eq!(answer["error"]["code"] == json!(-32602), !lenient, "{version}");
    }
    let session = begin(&gateway, "2025-11-25", json!({}));
    assert_eq!(legacy(&gateway, &session, "resources/read", json!({"uri": "a:1"})).code(), json!(-32002));
    assert_eq!(
        legacy(&gateway, &session, "tools/call", json!({"name": "echo", "arguments": [1]})).code(),
        json!(-32602)
    );
    assert_eq!(legacy(&gateway, &session, "tools/call", json!({"name": 5})).code(), json!(-32602));
}
