//! The modern era.

use super::*;
use crate::bindings::tidegate::gateway::calls::{Error, Event, Outcome, Refusal};
use crate::bindings::tidegate::types::content::Severity;
use crate::bindings::tidegate::types::event::{Change, Message, Progress};
use crate::bindings::tidegate::types::input::{Form, NamedQuestion, Question, Questions};

const INFO: &str = "io.modelcontextprotocol/serverInfo";

#[test]
fn discover_says_versions_capabilities_and_instructions() {
    let response = modern(&gateway().with("instructions", "be kind"), "server/discover", json!({}));
    let result = &response.json()["result"];
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(result["capabilities"]["tools"], json!({"listChanged": true}));
    assert!(result["capabilities"].get("completions").is_none(), "the catalog completes nothing");
    assert_eq!(result["instructions"], "be kind");
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["_meta"][INFO]["version"], env!("CARGO_PKG_VERSION"));
    assert!(result["ttlMs"].is_u64());
}

#[test]
fn a_call_without_wishes_is_one_json_answer_and_arguments_stay_as_they_are() {
    let gateway = gateway();
    let arguments = json!({"b": 1, "a": {"n": 1.0e2}});
    let response = modern(&gateway, "tools/call", json!({"name": "echo", "arguments": arguments}));
    let answer = response.json();
    assert_eq!((response.status, &answer["id"]), (200, &json!(1)));
    assert_eq!(answer["result"]["content"][0]["text"], arguments.to_string());
    let started = gateway.started.borrow();
    let crate::bindings::tidegate::gateway::calls::Target::Tool(target) = &started[0].target else { panic!() };
    assert!(target.meta.as_ref().unwrap().contains("protocolVersion"), "_meta is passed on");
}

#[test]
fn missing_metadata_is_invalid_parameters_with_400() {
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "server/discover")];
    let version = "io.modelcontextprotocol/protocolVersion";
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    for params in [
        json!({}),
        json!({"_meta": []}),
        json!({"_meta": {capabilities: {}}}),
        json!({"_meta": {version: "2026-07-28"}}),
        json!({"_meta": {version: 5, capabilities: {}}}),
        json!({"_meta": {version: "2026-07-28", capabilities: null}}),
        json!({"_meta": {version: "2026-07-28", capabilities: {"sampling": 5}}}),
        json!({"_meta": {version: "2026-07-28", capabilities: {}, "io.modelcontextprotocol/clientInfo": 1}}),
        json!({"_meta": {version: "2026-07-28", capabilities: {}, "io.modelcontextprotocol/logLevel": "loud"}}),
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 9, "method": "server/discover", "params": params});
        let response = post(&gateway(), &headers, &body);
        let answer = response.json();
        assert_eq!(
            (response.status, &answer["error"]["code"], &answer["id"]),
            (400, &json!(-32602), &json!(9)),
            "{params}"
        );
    }
}

#[test]
fn an_unknown_version_names_those_that_are_served() {
    let meta = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "v999", "io.modelcontextprotocol/clientCapabilities": {}}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": meta});
    let headers = [("MCP-Protocol-Version", "v999"), ("Mcp-Method", "server/discover")];
    let response = post(&gateway(), &headers, &body);
    assert_eq!((response.status, response.code()), (400, json!(-32022)));
    assert_eq!(response.json()["error"]["data"], json!({"supported": ["2026-07-28"], "requested": "v999"}));
}

#[test]
fn headers_must_say_what_the_body_says() {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "_meta": meta}});
    let version = ("MCP-Protocol-Version", "2026-07-28");
    let method = ("mcp-METHOD", "tools/call");
    let table: [(&[(&str, &str)], bool); 12] = [
        (&[version, method, ("Mcp-Name", "echo")], true),
        (&[version, method, ("mcp-name", " \techo ")], true),
        (&[version, method, ("Mcp-Name", "=?base64?ZWNobw==?=")], true),
        (&[version, method, ("Mcp-Name", "=?base64?ZWNobw?=")], false),
        (&[version, method, ("Mcp-Name", "=?base64?!?=")], false),
        (&[version, method, ("Mcp-Name", "Echo")], false),
        (&[version, method], false),
        (&[version, ("Mcp-Name", "echo")], false),
        (&[version, ("Mcp-Method", "TOOLS/CALL"), ("Mcp-Name", "echo")], false),
        (&[version, ("Mcp-Method", "tools/list"), ("Mcp-Name", "echo")], false),
        (&[method, ("Mcp-Name", "echo")], false),
        (&[("MCP-Protocol-Version", "2025-11-25"), method, ("Mcp-Name", "echo")], false),
    ];
    for (headers, fits) in table {
        let response = post(&gateway(), headers, &body);
        if fits {
            assert_eq!(response.status, 200, "{headers:?} {}", response.body);
        } else {
            assert_eq!((response.status, response.code()), (400, json!(-32020)), "{headers:?}");
        }
    }
}

#[test]
fn mirrored_arguments_must_say_what_the_body_says() {
    let schema = json!({"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "deep": {"type": "object", "properties": {"flag": {"type": "boolean", "x-mcp-header": "Flag"}}},
    }});
    let gateway = gateway().describe("echo", move |tool| tool.input_schema = schema.to_string());
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let table: [(Value, &[(&str, &str)], bool); 15] = [
        (json!({}), &[], true),
        (json!({"region": null}), &[], true),
        (json!({"region": "Hello"}), &[("mcp-PARAM-region", " Hello\t")], true),
        (json!({"region": "Hello"}), &[("Mcp-Param-Region", "=?base64?SGVsbG8=?=")], true),
        (json!({"region": "Hello"}), &[("Mcp-Param-Region", "=?base64?SGVsbG8?=")], false),
        (json!({"region": "Hello"}), &[("Mcp-Param-Region", "=?base64?SGVs!!!bG8=?=")], false),
        (json!({"region": "SGVsbG8="}), &[("Mcp-Param-Region", "SGVsbG8=")], true),
        (json!({"region": "Hello"}), &[("Mcp-Param-Region", "hello")], false),
        (json!({"region": "Hello"}), &[], false),
        (json!({}), &[("Mcp-Param-Region", "Hello")], false),
        (json!({"region": "a"}), &[("Mcp-Param-Region", "a"), ("Mcp-Param-Region", "b")], false),
        (json!({"count": 100}), &[("Mcp-Param-Count", "1e2"), ("Mcp-Param-Other", "x")], true),
        (json!({"count": 100}), &[("Mcp-Param-Count", "101")], false),
        (json!({"deep": {"flag": true}}), &[("Mcp-Param-Flag", "true")], true),
        (json!({"deep": {"flag": true}}), &[], false),
    ];
    for (arguments, headers, fits) in table {
        let params = json!({"name": "echo", "arguments": arguments, "_meta": meta});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let usual = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "echo")];
        let response = post(&gateway, &[&usual, headers].concat(), &body);
        let expected = if fits { (200, Value::Null) } else { (400, json!(-32020)) };
        assert_eq!((response.status, response.code()), expected, "{arguments} {headers:?}");
    }
}

#[test]
fn methods_of_the_other_era_do_not_exist() {
    for method in
        ["initialize", "ping", "logging/setLevel", "resources/subscribe", "unknown/method", "completion/complete"]
    {
        let response = modern(&gateway(), method, json!({}));
        assert_eq!((response.status, response.code()), (404, json!(-32601)), "{method}");
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}});
    let response = post(&gateway(), &[("MCP-Protocol-Version", "2026-07-28")], &body);
    assert_eq!((response.status, response.code()), (400, json!(-32020)));
}

#[test]
fn a_notification_is_taken() {
    let body = json!({"jsonrpc": "2.0", "method": "notifications/whatever"});
    let response = post(&gateway(), &[("MCP-Protocol-Version", "2026-07-28")], &body);
    assert_eq!((response.status, response.body.as_str()), (202, ""));
}

fn report(progress: f64) -> Event {
    Event::Progress(Progress { progress, total: Some(100.0), message: Some("go".into()) })
}

fn say(severity: Severity) -> Event {
    Event::Message(Message { severity, logger: None, data: "{\n\"x\":1}".into() })
}

fn chatty() -> Double {
    gateway().tool("chat", |_| {
        vec![report(0.0), say(Severity::Debug), report(0.0), say(Severity::Error), report(100.0), done("end")]
    })
}

#[test]
fn progress_grows_and_comes_before_the_result() {
    let response = modern_with(&chatty(), "tools/call", json!({"name": "chat"}), json!({"progressToken": "p"}));
    let events = response.events();
    let progress: Vec<_> = events.iter().map(|event| event["params"]["progress"].clone()).collect();
    assert_eq!(progress, [json!(0), json!(100), Value::Null]);
    assert_eq!(events[0]["params"]["progressToken"], "p");
    assert_eq!(events[2]["result"]["content"][0]["text"], "end");
}

#[test]
fn messages_come_from_the_asked_severity_on_and_never_unasked() {
    let level = json!({"io.modelcontextprotocol/logLevel": "warning"});
    let events = modern_with(&chatty(), "tools/call", json!({"name": "chat"}), level).events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["params"], json!({"level": "error", "data": {"x": 1}}));
    assert!(!modern(&chatty(), "tools/call", json!({"name": "chat"})).streamed);
}

#[test]
fn a_client_that_goes_is_not_written_to_again() {
    let gateway = chatty();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "chat", "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}, "progressToken": 1}}});
    let headers =
        [&PLAIN[..], &[("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "chat")]]
            .concat();
    let response = exchange(&gateway, Verb::Post, &headers, body.to_string().as_bytes(), Some(1));
    assert_eq!((response.events().len(), gateway.finishes.get()), (1, 0), "the call is dropped, which cancels it");
}

#[test]
fn a_stream_that_is_silent_finds_out_that_its_client_has_gone() {
    // The call never ends; the double ends a wait at its limit when nobody does anything.
    let gateway = gateway().tool("hang", |_| vec![report(1.0)]);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "hang", "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}, "progressToken": 1}}});
    let headers =
        [&PLAIN[..], &[("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "hang")]]
            .concat();
    let response = exchange(&gateway, Verb::Post, &headers, body.to_string().as_bytes(), Some(2));
    assert_eq!(response.body.matches(": keep-alive").count(), 1);
}

#[test]
fn what_went_wrong_is_told_where_it_belongs() {
    type Row = (fn() -> Error, Option<i64>, &'static str);
    let table: [Row; 7] = [
        (|| Error::NotFound("bad".into()), Some(-32602), "bad"),
        (|| Error::InvalidArguments("`a` is missing".into()), None, "`a` is missing"),
        (|| Error::Denied("no".into()), None, "no"),
        (|| Error::Busy("full".into()), None, "full"),
        (|| Error::Deadline(1234), None, "1234 ms"),
        (|| Error::Failed("trap".into()), None, "trap"),
        (|| Error::Cancelled, Some(-32603), "cancelled"),
    ];
    for (error, code, words) in table {
        let gateway = gateway().tool("bad", move |_| vec![Event::Done(Err(error()))]);
        let response = modern(&gateway, "tools/call", json!({"name": "bad"}));
        let answer = response.json();
        assert_eq!(response.status, 200);
        match code {
            Some(code) => assert_eq!(answer["error"]["code"], code),
            None => assert_eq!(answer["result"]["isError"], true),
        }
        assert!(response.body.contains(words), "{}", response.body);
    }
    let response = modern(&gateway(), "resources/read", json!({"uri": "test://none"}));
    assert_eq!(response.json()["error"]["data"], json!({"uri": "test://none"}));
    assert_eq!(response.code(), json!(-32602));
}

#[test]
fn what_takes_more_scopes_is_refused_with_the_challenge() {
    let refusal = |challenge: Option<&str>| Refusal {
        reason: "`secret` takes a token with the scopes `a b`".into(),
        scopes: vec!["a".into(), "b".into()],
        challenge: challenge.map(str::to_owned),
    };
    let gateway = move |challenge: Option<&'static str>| {
        gateway().tool("secret", move |_| vec![Event::Done(Err(Error::Forbidden(refusal(challenge))))])
    };
    let challenged = gateway(Some("Bearer scope=\"a b\""));
    let modern = modern(&challenged, "tools/call", json!({"name": "secret"}));
    let session = begin(&challenged, "2025-11-25", json!({}));
    let legacy = legacy(&challenged, &session, "tools/call", json!({"name": "secret"}));
    for response in [modern, legacy] {
        assert_eq!((response.status, response.streamed), (403, false), "{}", response.body);
        assert_eq!(response.challenge.as_deref(), Some("Bearer scope=\"a b\""));
        assert_eq!(response.json()["error"]["data"], json!({"scopes": ["a", "b"]}));
        assert_eq!(response.code(), json!(-32600));
    }
    // Where tokens are no way in, the status says enough.
    let response = super::modern(&gateway(None), "tools/call", json!({"name": "secret"}));
    assert_eq!((response.status, response.challenge.is_none()), (403, true));
}

#[test]
fn lists_turn_pages() {
    let gateway = gateway().tool("b", |_| vec![]).tool("c", |_| vec![]).with("page-size", "2");
    let first = modern(&gateway, "tools/list", json!({})).json()["result"].clone();
    assert_eq!(first["tools"].as_array().unwrap().len(), 2);
    assert_eq!((&first["cacheScope"], first["ttlMs"].is_u64()), (&json!("private"), true));
    let second = modern(&gateway, "tools/list", json!({"cursor": first["nextCursor"]})).json()["result"].clone();
    assert_eq!(second["tools"][0]["name"], "echo");
    assert!(second.get("nextCursor").is_none());
    assert_eq!(modern(&gateway, "tools/list", json!({"cursor": "x"})).code(), json!(-32602));
    let tool = &first["tools"][0];
    assert_eq!(tool["inputSchema"]["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(tool["outputSchema"]["type"], "array");
    assert_eq!(tool["annotations"], json!({"readOnlyHint": true, "idempotentHint": false}));
    assert_eq!((&tool["_meta"], &tool["title"]), (&json!({"a": 1}), &json!("b!")));
}

#[test]
fn listening_begins_with_an_acknowledgement_and_keeps_to_its_filter() {
    let gateway = gateway();
    gateway.changes.borrow_mut().extend([
        Change::Tools,
        Change::Prompts,
        Change::Resource("a:1".into()),
        Change::Resource("a:2".into()),
    ]);
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let filter = json!({"toolsListChanged": true, "resourceSubscriptions": ["a:2"]});
    let body = json!({"jsonrpc": "2.0", "id": "s", "method": "subscriptions/listen", "params": {"_meta": meta, "notifications": filter}});
    let headers =
        [&PLAIN[..], &[("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "subscriptions/listen")]].concat();
    let events = exchange(&gateway, Verb::Post, &headers, body.to_string().as_bytes(), Some(5)).events();
    let methods: Vec<_> = events.iter().map(|event| event["method"].as_str().unwrap()).collect();
    assert_eq!(
        methods,
        [
            "notifications/subscriptions/acknowledged",
            "notifications/tools/list_changed",
            "notifications/resources/updated"
        ]
    );
    assert_eq!(events[0]["params"]["notifications"], filter);
    assert_eq!(events[2]["params"]["uri"], "a:2");
    for event in &events {
        assert_eq!(event["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "s");
    }
    assert_eq!(modern(&gateway, "subscriptions/listen", json!({})).code(), json!(-32602));
}

fn asking() -> Double {
    gateway().tool("ask", |request| {
        if request.answers.is_empty() {
            let form = Form { message: "who?".into(), schema: "{\"type\":\"object\",\"properties\":{}}".into() };
            let questions = vec![NamedQuestion { id: "name".into(), question: Question::Form(form) }];
            return vec![Event::Done(Ok(Outcome::InputRequired(Questions {
                questions,
                state: Some(b"s\n1".to_vec()),
            })))];
        }
        vec![done(&format!("{} {:?}", request.answers.len(), request.state.as_deref().map(String::from_utf8_lossy)))]
    })
}

#[test]
fn questions_become_input_requests_and_the_state_stays_here() {
    let gateway = asking();
    let able = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
    let first = modern_with(&gateway, "tools/call", json!({"name": "ask", "arguments": {"a": 1}}), able.clone());
    let result = first.json()["result"].clone();
    assert_eq!(result["resultType"], "input_required");
    assert_eq!(result["inputRequests"]["name"]["method"], "elicitation/create");
    let state = result["requestState"].clone();
    let answers = json!({"name": {"action": "accept", "content": {"name": "Ada"}}});
    let retry = |state: Value, arguments: Value, answers: Value| {
        let params = json!({"name": "ask", "arguments": arguments, "inputResponses": answers, "requestState": state});
        modern_with(&gateway, "tools/call", params, able.clone())
    };
    let end = retry(state.clone(), json!({"a": 1}), answers.clone());
    assert_eq!(end.json()["result"]["content"][0]["text"], "1 Some(\"s\\n1\")");
    let forged = json!(format!("{}-x", state.as_str().unwrap()));
    assert_eq!(retry(forged, json!({"a": 1}), answers.clone()).code(), json!(-32602));
    assert_eq!(retry(state.clone(), json!({"a": 2}), answers).code(), json!(-32602), "other arguments");
    for bad in [json!({"name": 5}), json!(null), json!({"name": {"action": "maybe"}})] {
        assert_eq!(retry(state.clone(), json!({"a": 1}), bad).code(), json!(-32602));
    }
}

#[test]
fn a_client_that_cannot_answer_is_told_what_it_lacks() {
    let response = modern(&asking(), "tools/call", json!({"name": "ask"}));
    assert_eq!((response.status, response.code()), (400, json!(-32021)));
    assert!(response.json()["error"]["data"]["requiredCapabilities"]["elicitation"].is_object());
}

#[test]
fn metadata_and_its_trace_go_with_every_kind_of_call() {
    use crate::bindings::tidegate::gateway::calls::Target;
    let gateway = gateway();
    let calls = [
        ("tools/call", json!({"name": "echo"})),
        ("resources/read", json!({"uri": "a://b"})),
        ("prompts/get", json!({"name": "p"})),
    ];
    for (method, params) in &calls {
        modern_with(&gateway, method, params.clone(), json!({"traceparent": "t", "x": 1}));
    }
    for traceparent in [json!(null), json!(5), json!({})] {
        modern_with(&gateway, "tools/call", json!({"name": "echo"}), json!({"traceparent": traceparent}));
    }
    let session = begin(&gateway, "2025-06-18", json!({}));
    for (method, params) in &calls {
        legacy(&gateway, &session, method, params.clone());
    }
    let started = gateway.started.borrow();
    let traces: Vec<_> = started.iter().map(|one| one.trace.as_deref()).collect();
    assert_eq!(traces, [Some("t"), Some("t"), Some("t"), None, None, None, None, None, None]);
    let metas: Vec<bool> = started
        .iter()
        .map(|one| match &one.target {
            Target::Tool(target) => target.meta.is_some(),
            Target::Resource(target) => target.meta.is_some(),
            Target::Prompt(target) => target.meta.is_some(),
            Target::Completion(target) => target.meta.is_some(),
        })
        .collect();
    assert_eq!(metas, [true, true, true, true, true, true, false, false, false]);
}
