//! What no official client sends, over standard input and output.

use serde_json::{Value, json};
use tidegate_e2e::raw::{Stream, modern_body};

use super::{Row, all, node};

struct Subject {
    stream: Stream,
}

const ROWS: &[Row<Subject>] = &[
    ("D4 a probe of the other era", d4),
    ("D1 frames", d1),
    ("A1 an id twice in flight", a1),
    ("A20 cancellation", a20),
    ("A20, D2 questions are requests of ours in one era only", d2),
    ("A33, B23, B24 subscriptions: filter, tag, several, resources", a33),
    ("B32 levels", b32),
];

#[test]
fn rows_by_a_raw_stream() {
    let node = node();
    let stream = Stream::start(&node.stdio_command().unwrap()).unwrap();
    let mut subject = Subject { stream };
    all("raw over stdio", &mut subject, ROWS);
    d3(subject.stream);
}

fn modern(id: &Value, method: &str, params: &Value) -> Value {
    modern_body(id, method, params, &json!({}))
}

fn call(id: Value, tool: &str, arguments: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
}

impl Subject {
    fn ask(&mut self, message: &Value) -> Value {
        self.stream.ask(message).unwrap()
    }

    /// The answer with this id; what comes before it is given too.
    fn until(&mut self, id: &Value) -> (Vec<Value>, Value) {
        let mut before = Vec::new();
        loop {
            let message = self.stream.hear().unwrap();
            if message["id"] == *id && message["method"].is_null() {
                return (before, message);
            }
            before.push(message);
        }
    }
}

fn d4(subject: &mut Subject) {
    let discovered = subject.ask(&modern(&json!("probe"), "server/discover", &json!({})));
    assert_eq!(discovered["result"]["supportedVersions"], json!(["2026-07-28"]), "{discovered}");
    let early = subject.ask(&call(json!(1), "echo", &json!({"message": "m"})));
    assert_eq!(early["error"]["code"], -32600, "{early}");
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {"form": {}}}});
    let begun = subject.ask(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}));
    assert_eq!(begun["result"]["protocolVersion"], "2025-11-25", "{begun}");
    assert_eq!(begun["result"]["instructions"], "Ask for \"tides\".", "{begun}");
}

fn d1(subject: &mut Subject) {
    subject.stream.write(b"\r\n\n  \n{\"jsonrpc\":\"2.0\",\"id\":\"a").unwrap();
    subject.stream.write(b"b\",\"method\":\"pi").unwrap();
    subject.stream.write(b"ng\"}\r\n{nonsense\n\xff\xfe\n[]\n").unwrap();
    assert_eq!(subject.stream.hear().unwrap()["id"], "ab");
    for code in [-32700, -32700, -32600] {
        let error = subject.stream.hear().unwrap();
        assert_eq!((&error["id"], &error["error"]["code"]), (&Value::Null, &json!(code)), "{error}");
    }
    // A text with every kind of line break stays on one line.
    let echoed = subject.ask(&call(json!("lines"), "echo", &json!({"message": "a\nb\rc\u{2028}d\u{85}e"})));
    assert_eq!(echoed["result"]["content"][0]["text"], "a\nb\rc\u{2028}d\u{85}e");
}

fn a1(subject: &mut Subject) {
    subject.stream.say(&call(json!(5), "wait", &json!({"ms": 500}))).unwrap();
    let twice = subject.ask(&call(json!(5), "echo", &json!({"message": "m"})));
    assert_eq!((&twice["id"], &twice["error"]["code"]), (&json!(5), &json!(-32600)), "{twice}");
    let other = subject.ask(&call(json!("5"), "echo", &json!({"message": "m"})));
    assert_eq!(other["id"], "5", "a string is another id: {other}");
    assert_eq!(subject.until(&json!(5)).1["result"]["content"][0]["text"], "waited");
}

fn a20(subject: &mut Subject) {
    subject.stream.say(&call(json!(6), "wait", &json!({"ms": 1_500}))).unwrap();
    subject
        .stream
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 6}}))
        .unwrap();
    subject
        .stream
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}}))
        .unwrap();
    let next = subject.ask(&json!({"jsonrpc": "2.0", "id": 7, "method": "ping"}));
    assert_eq!(next["id"], 7, "no answer to what was cancelled: {next}");
}

fn d2(subject: &mut Subject) {
    let asked = subject.ask(&call(json!(8), "form", &json!({})));
    assert_eq!(asked["method"], "elicitation/create", "{asked}");
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}});
    subject.stream.say(&answer).unwrap();
    assert_eq!(subject.until(&json!(8)).1["result"]["content"][0]["text"], "decline");
    let asked = subject.ask(&call(json!(9), "form", &json!({})));
    let error = json!({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -1, "message": "no"}});
    subject.stream.say(&error).unwrap();
    assert_eq!(subject.until(&json!(9)).1["result"]["content"][0]["text"], "cancel");
    let meta = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
    let request = modern_body(&json!(10), "tools/call", &json!({"name": "form", "arguments": {}}), &meta);
    let answer = subject.ask(&request);
    assert_eq!((&answer["id"], &answer["result"]["resultType"]), (&json!(10), &json!("input_required")), "{answer}");
}

fn a33(subject: &mut Subject) {
    let listen =
        |id: &str, filter: Value| modern(&json!(id), "subscriptions/listen", &json!({"notifications": filter}));
    let lists = subject.ask(&listen("lists", json!({"resourcesListChanged": true})));
    assert_eq!(lists["method"], "notifications/subscriptions/acknowledged", "the first message: {lists}");
    let one = subject.ask(&listen("one", json!({"resourceSubscriptions": ["demo://readme"]})));
    assert_eq!(one["params"]["notifications"]["resourceSubscriptions"], json!(["demo://readme"]), "{one}");
    let tag = |message: &Value| message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"].clone();
    subject.stream.say(&modern(&json!(11), "tools/call", &json!({"name": "touch", "arguments": {}}))).unwrap();
    let mut seen = Vec::new();
    let mut answered = false;
    while !answered || seen.is_empty() {
        let message = subject.stream.hear().unwrap();
        answered |= message["id"] == 11;
        if message["method"] == "notifications/resources/updated" {
            seen.push(message);
        }
    }
    assert_eq!((tag(&seen[0]), &seen[0]["params"]["uri"]), (json!("one"), &json!("demo://readme")), "{seen:?}");
    subject.stream.say(&modern(&json!(12), "tools/call", &json!({"name": "grow", "arguments": {}}))).unwrap();
    let mut grown = Vec::new();
    let mut answered = false;
    while !answered || !grown.iter().any(|one| tag(one) == "lists") {
        let message = subject.stream.hear().unwrap();
        answered |= message["id"] == 12;
        if message["method"] == "notifications/resources/list_changed" {
            grown.push(message);
        }
    }
    assert!(grown.iter().all(|one| tag(one) != "one"), "filtered: {grown:?}");
    let read = subject.stream.say(&modern(&json!(13), "resources/read", &json!({"uri": "demo://added/0"})));
    read.unwrap();
    assert_eq!(subject.until(&json!(13)).1["result"]["contents"][0]["text"], "demo://added/0");
}

fn b32(subject: &mut Subject) {
    let level =
        |level: &str| json!({"jsonrpc": "2.0", "id": 14, "method": "logging/setLevel", "params": {"level": level}});
    subject.stream.say(&level("error")).unwrap();
    subject.until(&json!(14));
    subject.stream.say(&call(json!(15), "work", &json!({"steps": 1}))).unwrap();
    let (before, _) = subject.until(&json!(15));
    assert!(before.iter().all(|one| one["method"] != "notifications/message"), "{before:?}");
    subject.stream.say(&level("no level")).unwrap();
    assert_eq!(subject.until(&json!(14)).1["error"]["code"], -32602);
}

/// D3, A33: the input ends. What runs comes to its end, subscriptions are answered, and the host ends well.
fn d3(mut stream: Stream) {
    stream.say(&call(json!(16), "wait", &json!({"ms": 300}))).unwrap();
    stream.say(&call(json!(17), "form", &json!({}))).unwrap();
    let asked = stream.hear().unwrap();
    assert_eq!(asked["method"], "elicitation/create", "{asked}");
    let (rest, success) = stream.close().unwrap();
    let answered = |id: Value| rest.iter().filter(|one| one["id"] == id && one["method"].is_null()).count();
    assert_eq!((answered(json!(16)), answered(json!(17))), (1, 1), "{rest:?}");
    assert_eq!((answered(json!("lists")), answered(json!("one"))), (1, 1), "{rest:?}");
    let ended = rest.iter().find(|one| one["id"] == "lists").unwrap();
    assert_eq!(ended["result"]["resultType"], "complete", "{ended}");
    assert!(success);
}
