//! What no official client sends, over HTTP.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tidegate_e2e::raw::{self, Answer, modern, modern_body, post};

use super::{Row, all, node};

/// A host, and a session with it.
struct Subject {
    address: SocketAddr,
    session: String,
}

const ROWS: &[Row<Subject>] = &[
    ("A1 ids: odd, long, twice in flight", a1),
    ("A15 nothing is inferred from what came before", a15),
    ("A19 progress tokens", a19),
    ("A21 a deadline is told", a21),
    ("A36 batches in one revision only", a36),
    ("A17 text of every kind", utf8),
    ("A17 metadata of completions", typed),
    ("B2 one list for everybody", b2),
    ("B15 headers that mirror arguments", b15),
    ("B18 names that two components have", b18),
    ("B34, B35 no messages unasked, capabilities unknown", b34),
    ("D6, D15 a stream only where something comes before the answer", d6),
    ("D10 notifications are taken", d10),
    ("D11, D19 the version's header", d11),
];

#[test]
fn rows_by_raw_requests() {
    let node = node();
    let host = node.serve().unwrap();
    let mut subject = Subject { address: host.address(), session: begin(host.address(), "2025-11-25") };
    all("raw over HTTP", &mut subject, ROWS);
    host.stop().unwrap();
}

fn begin(address: SocketAddr, version: &str) -> String {
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
    let answer = post(address, &[], &body.to_string()).unwrap();
    assert_eq!(answer.message().unwrap()["result"]["protocolVersion"], version, "{answer:?}");
    answer.header("mcp-session-id").unwrap().to_owned()
}

impl Subject {
    fn legacy(&self, body: &str) -> Answer {
        post(self.address, &[("Mcp-Session-Id", &self.session)], body).unwrap()
    }

    /// Calls a tool; again while the one instance of its component is about to start again.
    fn call(&self, tool: &str, arguments: &Value, meta: &Value) -> Answer {
        let params = json!({"name": tool, "arguments": arguments});
        loop {
            let answer = modern(self.address, "tools/call", &params, meta).unwrap();
            if !answer.body.contains("starts again in") {
                return answer;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn request(id: &str, method: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\"}}")
}

fn a1(subject: &mut Subject) {
    let long = format!("\"{}\"", "i".repeat(100_000));
    let ids = ["0", "-1", "9007199254740993", "123456789012345678901234567890", "\"\"", "\"潮 \\\"🌊\"", &long];
    for id in ids {
        let answer = subject.legacy(&request(id, "ping"));
        let same = answer.body.replace(' ', "").contains(&format!("\"id\":{}", id.replace(' ', "")));
        assert!(answer.status == 200 && same, "{id}: {}", &answer.body[..answer.body.len().min(200)]);
    }
    for none in ["null", "1.5", "1e3", "true", "{}", "[1]"] {
        let answer = subject.legacy(&request(none, "ping"));
        assert_eq!((answer.status, &answer.message().unwrap()["error"]["code"]), (400, &json!(-32600)), "{none}");
    }
    // Over HTTP a request is a connection's own: one id twice in flight is answered twice.
    let address = subject.address;
    let echo = |text: &'static str| {
        move || modern(address, "tools/call", &json!({"name": "echo", "arguments": {"message": text}}), &json!({}))
    };
    let (one, two) = (std::thread::spawn(echo("one")), std::thread::spawn(echo("two")));
    let text = |answer: Answer| answer.message().unwrap()["result"]["content"][0]["text"].clone();
    assert_eq!(text(one.join().unwrap().unwrap()), "one");
    assert_eq!(text(two.join().unwrap().unwrap()), "two");
}

fn a15(subject: &mut Subject) {
    let capable = json!({"io.modelcontextprotocol/clientCapabilities": {"roots": {}}});
    let able = subject.call("features", &json!({}), &capable).message().unwrap();
    assert_eq!(able["result"]["content"][0]["text"], "roots");
    let unable = subject.call("features", &json!({}), &json!({})).message().unwrap();
    assert_eq!(unable["result"]["content"][0]["text"], "", "another request says nothing of roots");
    // A session's id means nothing to a modern request, and no metadata is remembered by a session.
    let body = modern_body(&json!(1), "server/discover", &json!({}), &json!({})).to_string();
    let headers =
        [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "server/discover"), ("Mcp-Session-Id", "nobody's")];
    assert_eq!(post(subject.address, &headers, &body).unwrap().status, 200);
    let bare = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/list")];
    assert_eq!(post(subject.address, &headers, &bare).unwrap().status, 400, "the metadata is in every request");
}

fn a19(subject: &mut Subject) {
    for token in [json!("a token"), json!(7), json!("")] {
        let meta = json!({"progressToken": token});
        let answer = subject.call("work", &json!({"steps": 3, "step_ms": 30}), &meta);
        let messages = answer.messages().unwrap();
        let (last, before) = messages.split_last().unwrap();
        assert_eq!(last["result"]["content"][0]["text"], "3 steps", "nothing after the answer: {messages:?}");
        let steps: Vec<f64> = before.iter().map(|one| one["params"]["progress"].as_f64().unwrap()).collect();
        assert!(!steps.is_empty() && steps.windows(2).all(|pair| pair[0] < pair[1]), "it grows: {steps:?}");
        assert!(before.iter().all(|one| one["params"]["progressToken"] == token), "{before:?}");
    }
    let answer = subject.call("echo", &json!({"message": "x"}), &json!({"progressToken": {"no": "token"}}));
    assert_eq!(answer.message().unwrap()["error"]["code"], -32602);
}

fn a21(subject: &mut Subject) {
    let answer = subject.call("spin", &json!({}), &json!({})).message().unwrap();
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("deadline of 2000 ms"), "{answer}");
}

fn a36(subject: &mut Subject) {
    let batch = format!("[{},{},7]", request("1", "ping"), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}");
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let session = begin(subject.address, version);
        let answer = post(subject.address, &[("Mcp-Session-Id", &session)], &batch).unwrap();
        if version == "2025-03-26" {
            let answers: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((answer.status, answers.as_array().unwrap().len()), (200, 2), "{answers}");
        } else {
            assert_eq!(answer.status, 400, "{version}: {}", answer.body);
        }
    }
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "ping")];
    assert_eq!(post(subject.address, &headers, &batch).unwrap().status, 400);
}

fn typed(subject: &mut Subject) {
    let params = json!({"ref": {"type": "ref/resource", "uri": "demo://notes/{id}"},
        "argument": {"name": "id", "value": "meta"}});
    let answer = modern(subject.address, "completion/complete", &params, &json!({"example.com/x": "ü"})).unwrap();
    let values = answer.message().unwrap()["result"]["completion"]["values"].clone();
    let seen: Value = serde_json::from_str(values[0].as_str().unwrap()).unwrap();
    assert_eq!(seen["example.com/x"], "ü", "{values}");
}

fn utf8(subject: &mut Subject) {
    for text in [
        "é",
        "e\u{301}",
        "\u{feff}bom",
        "\u{202e}rtl",
        "👩‍👩‍👧‍👦",
        "\u{0}\u{1f}\u{7f}\u{85}\u{2028}\u{2029}",
        "\u{10ffff}\u{fffd}",
    ] {
        let answer = subject.call("echo", &json!({"message": text}), &json!({})).message().unwrap();
        assert_eq!(answer["result"]["content"][0]["text"], text);
    }
    // Written with escapes, pairs of surrogates too.
    let body =
        modern_body(&json!(1), "tools/call", &json!({"name": "echo", "arguments": {"message": "X"}}), &json!({}));
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "echo")];
    let escaped = body.to_string().replace("\"X\"", "\"\\ud83c\\udf0a\\u0000\"");
    let answer = post(subject.address, &headers, &escaped).unwrap().message().unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], "🌊\u{0}");
    // Half a pair is no text; the component says so, and whoever reads the answer can read it.
    let half = body.to_string().replace("\"X\"", "\"\\ud83c\"");
    let answer = post(subject.address, &headers, &half).unwrap();
    let message = answer.message().unwrap();
    assert!(message["error"].is_object() || message["result"]["isError"] == true, "{message}");
    let lines = "Content-Type: application/json\r\nMcp-Name: =?base64?4pi6?=\r\nMcp-Method: tools/call\r\n\
                 MCP-Protocol-Version: 2026-07-28\r\n";
    let body = modern_body(&json!(1), "tools/call", &json!({"name": "☺"}), &json!({})).to_string();
    let answer = raw::send(subject.address, "POST", lines, &body).unwrap().message().unwrap();
    assert_eq!(answer["error"]["message"], "unknown tool: `☺`", "the header is decoded before it is compared");
}

fn b2(subject: &mut Subject) {
    let list = |meta: &Value| modern(subject.address, "tools/list", &json!({}), meta).unwrap().message().unwrap();
    let first = list(&json!({}))["result"]["tools"].clone();
    subject.call("grow", &json!({}), &json!({}));
    let capable = json!({"io.modelcontextprotocol/clientCapabilities": {"roots": {}, "elicitation": {}},
        "io.modelcontextprotocol/clientInfo": {"name": "other", "version": "9"}});
    assert_eq!(list(&capable)["result"]["tools"], first);
    let old = subject.legacy(&request("1", "tools/list")).message().unwrap();
    let names = |tools: &Value| tools.as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&old["result"]["tools"]), names(&first), "both eras");
    for cursor in ["", "x", "9999", "7:7:7"] {
        let page = modern(subject.address, "tools/list", &json!({"cursor": cursor}), &json!({})).unwrap();
        assert_eq!(page.message().unwrap()["error"]["code"], -32602, "`{cursor}` is no cursor of ours");
    }
}

fn b15(subject: &mut Subject) {
    // No tool here mirrors arguments: what comes of such headers is none of its business (D13).
    let body =
        modern_body(&json!(1), "tools/call", &json!({"name": "echo", "arguments": {"message": "m"}}), &json!({}));
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("MCP-METHOD", "tools/call"),
        ("mcp-NAME", "=?base64?ZWNobw==?="),
        ("Mcp-Param-Region", "anything"),
    ];
    assert_eq!(post(subject.address, &headers, &body.to_string()).unwrap().status, 200);
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "Echo")];
    let answer = post(subject.address, &headers, &body.to_string()).unwrap();
    assert_eq!(
        (answer.status, &answer.message().unwrap()["error"]["code"]),
        (400, &json!(-32020)),
        "values have cases"
    );
}

fn b18(subject: &mut Subject) {
    let mut tools = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let params = if cursor.is_null() { json!({}) } else { json!({"cursor": cursor}) };
        let page = modern(subject.address, "tools/list", &params, &json!({})).unwrap().message().unwrap();
        tools.extend(page["result"]["tools"].as_array().unwrap().clone());
        cursor = page["result"]["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    // `content` and `provider` both have `meta`: the first keeps the name, the second has its component before it.
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"meta") && names.contains(&"provider__meta"), "{names:?}");
    for name in ["content__meta", "provider__meta"] {
        let answer = subject.call(name, &json!({}), &json!({})).message().unwrap();
        assert!(answer["result"]["content"].is_array(), "{answer}");
    }
}

fn b34(subject: &mut Subject) {
    let answer = subject.call("work", &json!({"steps": 2, "step_ms": 30}), &json!({}));
    assert_eq!(answer.header("content-type"), Some("application/json"), "nobody asked for messages: {}", answer.body);
    let meta = json!({"io.modelcontextprotocol/logLevel": "info"});
    let messages = subject.call("work", &json!({"steps": 2, "step_ms": 30}), &meta).messages().unwrap();
    assert!(messages.iter().any(|one| one["method"] == "notifications/message"), "{messages:?}");
    let meta = json!({"io.modelcontextprotocol/logLevel": "error"});
    let messages = subject.call("work", &json!({"steps": 2, "step_ms": 30}), &meta).messages().unwrap();
    assert!(messages.iter().all(|one| one["method"] != "notifications/message"), "{messages:?}");
    let meta =
        json!({"io.modelcontextprotocol/clientCapabilities": {"experimental": {"x": {"y": 1}}, "unheard-of": 7}});
    assert_eq!(subject.call("features", &json!({}), &meta).status, 200);
}

fn d6(subject: &mut Subject) {
    let plain = subject.call("echo", &json!({"message": "m"}), &json!({}));
    assert_eq!(plain.header("content-type"), Some("application/json"));
    let meta = json!({"progressToken": 1});
    let stream = subject.call("work", &json!({"steps": 2, "step_ms": 30}), &meta);
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.header("x-accel-buffering"), Some("no"), "proxies must not collect");
    assert!(stream.header("cache-control").unwrap().contains("no-cache"));
}

fn d10(subject: &mut Subject) {
    for method in ["notifications/initialized", "notifications/roots/list_changed", "notifications/never-heard-of"] {
        let answer = subject.legacy(&format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\"}}"));
        assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{method}");
    }
    let answer = subject.legacy("{\"jsonrpc\":\"2.0\",\"id\":\"never asked\",\"result\":{}}");
    assert_eq!((answer.status, answer.body.as_str()), (202, ""), "an answer to nothing");
}

fn d11(subject: &mut Subject) {
    let ping = request("1", "ping");
    let with = |version: &str| {
        post(subject.address, &[("Mcp-Session-Id", &subject.session), ("MCP-Protocol-Version", version)], &ping)
            .unwrap()
    };
    assert_eq!(subject.legacy(&ping).status, 200, "without the header");
    assert_eq!(with("2025-11-25").status, 200);
    for bad in ["1999-01-01", "", "2025-11-25, 2025-11-25"] {
        assert_eq!(with(bad).status, 400, "`{bad}`");
    }
    let body = modern_body(&json!(1), "tools/list", &json!({}), &json!({})).to_string();
    let headers = [("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", "tools/list")];
    let answer = post(subject.address, &headers, &body).unwrap();
    assert_eq!((answer.status, &answer.message().unwrap()["error"]["code"]), (400, &json!(-32020)));
    let answer = post(subject.address, &[("Mcp-Method", "tools/list")], &body).unwrap();
    assert_eq!((answer.status, &answer.message().unwrap()["error"]["code"]), (400, &json!(-32020)), "missing");
}
