//! Through the official Python client: both eras, both transports.

use serde_json::{Value, json};
use tidegate_e2e::{Client, Library, Transport};

use super::{Row, all, node};

struct Subject {
    client: Client,
    /// The node's audit log.
    audit: std::path::PathBuf,
    modern: bool,
}

impl Subject {
    fn step(&mut self, step: &Value) -> Value {
        self.client.step(step).unwrap()
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.step(&json!({"do": "call", "tool": tool, "arguments": arguments}))["result"].clone()
    }

    /// The text of a call without arguments.
    fn text(&mut self, tool: &str) -> String {
        self.call(tool, &json!({}))["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// A step that is taken again while the one instance of the component is about to start again.
    fn again(&mut self, step: &Value) -> Value {
        loop {
            let answer = self.step(step);
            if !answer["result"]["content"][0]["text"].as_str().unwrap_or_default().contains("starts again in") {
                return answer;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn heard(&mut self) -> Value {
        self.step(&json!({"do": "heard"}))
    }
}

const ROWS: &[Row<Subject>] = &[
    ("A3 instructions", a3),
    ("A6, A28 server info", a6),
    ("A17, A18 metadata", a17),
    ("A21 timeouts, also despite progress", a21),
    ("A23, B3 pages and order", a23),
    ("A27, B13, B14 tools with icons, hints, titles, metadata", b13),
    ("B5-B9 content", b5),
    ("B10 structured results", b10),
    ("B11, B12 errors", b11),
    ("B25 not found", b25),
    ("B26, B27 resources and their addresses", b26),
    ("B27 addresses do not lead out", b27),
    ("B29 prompts with every content", b29),
    ("B31 completion", b31),
    ("B34 no messages unasked", b34),
    ("C1, C3, C9 roots, sampling with tools, what a client can do", c3),
    ("C5, C8 forms: defaults; accept, decline, cancel", c8),
    ("C7 pages to visit", c7),
];

fn run(mode: &'static str, transport: Transport) {
    let node = node();
    let client = Client::connect(Library::Python(mode), transport, &node).unwrap();
    let mut subject = Subject { client, audit: node.path("state/audit.jsonl"), modern: mode != "legacy" };
    let way = format!("{mode} over {transport:?}");
    let rows = std::panic::AssertUnwindSafe(|| all(&way, &mut subject, ROWS));
    if let Err(failed) = std::panic::catch_unwind(rows) {
        eprintln!("log of the client and the host:\n{}", subject.client.log());
        std::panic::resume_unwind(failed);
    }
    subject.client.close().unwrap();
}

#[test]
fn rows_of_the_legacy_era_over_http() {
    run("legacy", Transport::Http);
}

#[test]
fn rows_of_the_modern_era_over_http() {
    run("auto", Transport::Http);
}

#[test]
fn rows_of_the_legacy_era_over_stdio() {
    run("legacy", Transport::Stdio);
}

#[test]
fn rows_of_the_modern_era_over_stdio() {
    run("auto", Transport::Stdio);
}

fn a3(subject: &mut Subject) {
    assert_eq!(subject.heard()["instructions"], "Ask for \"tides\".");
}

fn a6(subject: &mut Subject) {
    let server = &subject.client.connected()["server"];
    assert_eq!((&server["name"], &server["title"]), (&json!("tidegate"), &json!("Tidegate")), "{server}");
    assert!(server["version"].is_string(), "{server}");
}

fn a17(subject: &mut Subject) {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let meta =
        json!({"traceparent": trace, "tracestate": "a=b", "baggage": "who=ada", "example.com/x": {"deep": [1, null]}});
    let told = subject.step(&json!({"do": "call", "tool": "provider__meta", "meta": meta}));
    let result = &told["result"];
    let seen: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    for (key, value) in meta.as_object().unwrap() {
        assert_eq!(&seen[key], value, "{seen}");
    }
    assert_eq!(result["_meta"]["example.com/answer"], 42, "{result}");
    let read = subject.step(&json!({"do": "read", "uri": "demo://notes/meta", "meta": meta}));
    let prompt = json!({"do": "prompt", "name": "greet", "arguments": {"name": "meta"}, "meta": meta});
    let filled = subject.step(&prompt);
    for text in [&read["result"]["contents"][0]["text"], &filled["result"]["messages"][0]["content"]["text"]] {
        let seen: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert_eq!((&seen["traceparent"], &seen["example.com/x"]), (&json!(trace), &meta["example.com/x"]), "{seen}");
    }

    // What is no trace context reaches the tool as the rest, and not the audit log.
    let broken = json!({"traceparent": "00-not-a-trace"});
    let told = subject.step(&json!({"do": "call", "tool": "provider__meta", "meta": broken}));
    assert!(told["result"]["content"][0]["text"].as_str().unwrap().contains("not-a-trace"), "{told}");
    let text = std::fs::read_to_string(&subject.audit).unwrap();
    assert!(!text.contains("not-a-trace"));
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let called: Vec<Value> = records.filter(|record| record["event"] == "called").collect();
    let traced: Vec<&str> = called
        .iter()
        .filter(|record| record["trace"] == trace)
        .map(|record| record["target"].as_str().unwrap())
        .collect();
    assert_eq!(traced, ["provider__meta", "demo://notes/meta", "greet"], "{text}");
    let last = called.last().unwrap();
    assert!(last["target"] == "provider__meta" && last.get("trace").is_none(), "{last}");
}

fn a21(subject: &mut Subject) {
    let silent = subject.call("wait", &json!({"ms": 60_000}));
    assert!(silent["content"][0]["text"].as_str().unwrap().contains("deadline of 2000 ms"), "{silent}");
    let work = json!({"do": "call", "tool": "work", "arguments": {"steps": 1_000, "step_ms": 20}, "progress": true});
    let busy = subject.again(&work);
    assert_eq!(busy["result"]["isError"], true, "{busy}");
    assert!(busy["result"]["content"][0]["text"].as_str().unwrap().contains("deadline of 2000 ms"), "{busy}");
    assert!(busy["progress"].as_array().unwrap().len() > 10, "progress came, and bought no time");
}

fn a23(subject: &mut Subject) {
    let first = subject.step(&json!({"do": "list"}));
    assert!(first["pages"].as_u64().unwrap() >= 3, "{first}");
    let names: Vec<&str> =
        first["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), names.len(), "no tool twice: {names:?}");
    assert_eq!(subject.step(&json!({"do": "list"})), first, "the same list in the same order");
}

fn b13(subject: &mut Subject) {
    let tools = subject.step(&json!({"do": "list"}))["tools"].clone();
    let tools = tools.as_array().unwrap();
    let named = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap();
    let meta = named("provider__meta");
    let hints = json!({"title": "Meta", "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true,
        "openWorldHint": false});
    assert_eq!((&meta["title"], &meta["annotations"]), (&json!("Meta"), &hints), "{meta}");
    assert_eq!(named("fitting")["icons"][0]["src"], "data:image/svg+xml,<svg/>");
    assert_eq!(named("fitting")["outputSchema"]["required"], json!(["n"]));
}

fn b5(subject: &mut Subject) {
    let result = subject.call("give", &json!({"kind": "all"}));
    let blocks = result["content"].as_array().unwrap();
    let kinds: Vec<&str> = blocks.iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "image", "audio", "resource_link", "resource", "resource"], "{result}");
    let hints = json!({"audience": ["user", "assistant"], "priority": 0.5, "lastModified": "2026-11-20T10:00:00Z"});
    assert_eq!(blocks[0]["annotations"], hints);
    assert!(blocks[1]["data"].as_str().unwrap().starts_with("iVBOR"), "base64: {result}");
    let link = &blocks[3];
    assert_eq!((&link["uri"], &link["name"], &link["size"]), (&json!("demo://notes/1"), &json!("notes/1"), &json!(5)));
    assert_eq!(blocks[5]["resource"]["blob"], "AAH+/w==");
}

fn b10(subject: &mut Subject) {
    let fits = subject.call("fitting", &json!({"json": "{\"n\": 7}"}));
    assert_eq!(fits["structuredContent"], json!({"n": 7}), "{fits}");
    for (json, says) in [
        (json!({"json": "{\"n\": -1}"}), "`/n`: is -1: must be at least 0"),
        (json!({"json": "{\"m\": 1}"}), "has no member `n`"),
        (json!({"json": "[1]"}), "must be object"),
        (json!({}), "there is none"),
    ] {
        let result = subject.call("fitting", &json);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(says) && text.contains("`provider` is at fault"), "{text}");
        assert_eq!(result["isError"], true, "{result}");
        assert!(result["structuredContent"].is_null(), "{result}");
    }
}

fn b11(subject: &mut Subject) {
    let failed = subject.call("fail", &json!({"message": "no such tide"}));
    assert_eq!((&failed["isError"], &failed["content"][0]["text"]), (&json!(true), &json!("no such tide")), "{failed}");
    let unknown = subject.step(&json!({"do": "call", "tool": "nothing"}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    let misfit = subject.call("give", &json!({"kind": "gas"}));
    assert_eq!(misfit["isError"], true, "{misfit}");
    assert!(misfit["content"][0]["text"].as_str().unwrap().contains("`kind`"), "{misfit}");
}

fn b25(subject: &mut Subject) {
    let code = if subject.modern { -32602 } else { -32002 };
    for uri in ["demo://notes/none", "demo://nothing", "x:y"] {
        let read = subject.step(&json!({"do": "read", "uri": uri}));
        assert_eq!(read["error"]["code"], code, "{uri}: {read}");
    }
}

fn b26(subject: &mut Subject) {
    let listed = subject.step(&json!({"do": "resources"}));
    let resources = listed["resources"]["resources"].as_array().unwrap();
    let readme = resources.iter().find(|one| one["uri"] == "demo://readme").unwrap();
    let hints = json!({"audience": ["user"], "priority": 0.5, "lastModified": "2026-11-20T10:00:00Z"});
    assert_eq!(readme["annotations"], hints, "{readme}");
    assert_eq!((&readme["size"], &readme["mimeType"]), (&json!(5), &json!("text/markdown")), "{readme}");
    assert_eq!(readme["icons"][0]["src"], "data:image/svg+xml,<svg/>");
    let templates = listed["templates"]["resourceTemplates"].as_array().unwrap();
    assert!(templates.iter().any(|one| one["uriTemplate"] == "file:///shared/{+path}"), "{templates:?}");
    for uri in ["https://example.com/tides?at=noon#high", "git://repository/head"] {
        let read = subject.step(&json!({"do": "read", "uri": uri}));
        let contents = &read["result"]["contents"][0];
        assert_eq!((&contents["uri"], &contents["text"]), (&json!(uri), &json!(uri)), "{read}");
    }
    let read = subject.step(&json!({"do": "read", "uri": "demo://notes/%C3%BC%20b"}));
    assert_eq!(read["result"]["contents"][0]["text"], "note ü b", "{read}");
}

fn b27(subject: &mut Subject) {
    let read = subject.step(&json!({"do": "read", "uri": "file:///shared/a/b.txt"}));
    assert_eq!(read["result"]["contents"][0]["text"], "a/b.txt", "{read}");
    for path in ["../secret", "a/../../secret", "%2e%2e/secret", "a%2f..%2fsecret", "..%5csecret", "a%00b"] {
        let read = subject.step(&json!({"do": "read", "uri": format!("file:///shared/{path}")}));
        assert!(read["error"]["code"].is_i64(), "{path}: {read}");
    }
}

fn b29(subject: &mut Subject) {
    let listed = subject.step(&json!({"do": "prompts"}));
    let prompts = listed["prompts"]["prompts"].as_array().unwrap();
    let greet = prompts.iter().find(|one| one["name"] == "greet").unwrap();
    let whom = json!({"name": "name", "description": "Whom.", "required": true});
    assert!(greet["arguments"].as_array().unwrap().contains(&whom), "{greet}");
    assert_eq!(greet["icons"][0]["src"], "data:image/svg+xml,<svg/>");
    let shown = subject.step(&json!({"do": "prompt", "name": "show"}));
    let messages = shown["result"]["messages"].as_array().unwrap();
    let kinds: Vec<&str> = messages.iter().map(|one| one["content"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "image", "audio", "resource", "resource_link"], "{shown}");
    let greeted = subject.step(&json!({"do": "prompt", "name": "greet", "arguments": {"name": "Ada", "city": "Cork"}}));
    let messages = &greeted["result"]["messages"];
    assert_eq!(messages[0]["content"]["text"], "Greet Ada from Cork", "{greeted}");
    assert_eq!(messages[1]["role"], "assistant");
    let missing = subject.step(&json!({"do": "prompt", "name": "greet"}));
    assert_eq!(missing["error"]["code"], -32602, "{missing}");
    assert!(missing["error"]["message"].as_str().unwrap().contains("`name`"), "{missing}");
}

fn b31(subject: &mut Subject) {
    let mut values = |step: Value| subject.step(&step)["result"]["completion"].clone();
    let city = json!({"do": "complete", "prompt": "greet", "argument": "city", "value": "ha"});
    assert_eq!(values(city.clone())["values"], json!(["Hamburg", "Halifax", "Haifa"]));
    let mut ireland = city;
    ireland["value"] = json!("");
    ireland["context"] = json!({"country": "Ireland"});
    assert_eq!(values(ireland)["values"], json!(["Cork"]), "the context counts");
    let many = json!({"do": "complete", "template": "demo://notes/{id}", "argument": "id", "value": "x"});
    let many = values(many);
    assert_eq!(many["values"].as_array().unwrap().len(), 100, "never more than a hundred");
    assert_eq!((&many["total"], &many["hasMore"]), (&json!(250), &json!(true)), "{many}");
    let nothing = json!({"do": "complete", "prompt": "greet", "argument": "no such", "value": "x"});
    assert_eq!(values(nothing)["values"], json!([]));
    let unknown = json!({"do": "complete", "prompt": "no such", "argument": "a", "value": ""});
    assert_eq!(subject.step(&unknown)["error"]["code"], -32602);
}

fn b34(subject: &mut Subject) {
    // The client asks for `info`; what is less severe does not come. Raw rows ask for nothing.
    let worked = subject.again(&json!({"do": "call", "tool": "work", "arguments": {"steps": 2, "step_ms": 60}}));
    let messages = worked["messages"].as_array().unwrap();
    assert!(messages.iter().all(|one| one["level"] == "info"), "{worked}");
    assert!(worked["progress"].as_array().unwrap().is_empty(), "no progress without a token: {worked}");
}

fn c3(subject: &mut Subject) {
    assert_eq!(subject.text("features"), "form url sampling tools roots");
    assert_eq!(subject.text("roots"), "file:///work/tides");
    subject.heard();
    assert_eq!(subject.text("sample"), "a-model use u1 gauge {\"at\":\"noon\"}");
    let asked = subject.heard()["asked"][0].clone();
    assert_eq!(asked["tools"][0]["name"], "gauge", "{asked}");
    assert_eq!((&asked["toolChoice"], &asked["maxTokens"]), (&json!({"mode": "required"}), &json!(50)), "{asked}");
    assert_eq!((&asked["systemPrompt"], &asked["stopSequences"]), (&json!("Be brief"), &json!(["END"])), "{asked}");
}

fn c8(subject: &mut Subject) {
    for (action, said) in [("decline", "decline"), ("cancel", "cancel"), ("accept", "accept {\"name\":\"Ada\"}")] {
        subject.step(&json!({"do": "say", "action": action}));
        assert_eq!(subject.text("form").replace(": ", ":"), said);
    }
    let asked = subject.heard()["asked"][0].clone();
    assert_eq!(asked["requestedSchema"]["properties"]["name"]["default"], "nobody", "{asked}");
}

fn c7(subject: &mut Subject) {
    for (action, said) in [("accept", "accept nothing"), ("decline", "decline")] {
        subject.step(&json!({"do": "say", "action": action}));
        subject.heard();
        assert_eq!(subject.text("visit"), said);
        let asked = subject.heard()["asked"][0].clone();
        assert_eq!((&asked["mode"], &asked["url"]), (&json!("url"), &json!("https://example.com/sign-in?state=1")));
        assert_eq!(asked["elicitationId"].is_string(), !subject.modern, "{asked}");
    }
}
