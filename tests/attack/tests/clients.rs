//! A client, or a tenant, that asks for more than its share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_attack::settled;
use tidegate_e2e::raw::{Answer, Stream, modern, modern_body, post};
use tidegate_e2e::{Host, Node, Wire, grant};

fn node(limits: &str) -> Node {
    let node = Node::with_fixtures(&["echo", "events"], "").unwrap();
    node.write_policy(&format!("{}[client-limits]\n{limits}\n", grant("protocol-mcp", "gateway = true"))).unwrap();
    node
}

fn call(host: &Host, tool: &str, arguments: &Value) -> Answer {
    modern(host.address(), "tools/call", &json!({"name": tool, "arguments": arguments}), &json!({})).unwrap()
}

#[test]
fn every_limit_of_clients_is_attacked_here() {
    let keys: Vec<&str> = tidegate_grant::CLIENT_LIMITS.iter().map(|limit| limit.key).collect();
    assert_eq!(keys, ["rate", "burst", "concurrency", "tenant-rate", "tenant-burst", "tenant-concurrency"]);
}

#[test]
fn who_asks_too_fast_is_told_when_to_come_back() {
    let node = node("rate = 1\nburst = 4");
    let host = node.serve().unwrap();
    let answers: Vec<Answer> = (0..12).map(|_| call(&host, "echo", &json!({"message": "m"}))).collect();
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(answers[0].status, 200, "{:?}", answers[0]);
    assert!(!refused.is_empty(), "none of {} was refused", answers.len());
    for answer in refused {
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=2).contains(&seconds), "{answer:?}");
        assert!(answer.body.contains("`rate` and `burst` of [client-limits]"), "{}", answer.body);
        assert!(answer.body.contains("the client `anonymous`"), "who is meant: {}", answer.body);
    }
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(call(&host, "echo", &json!({"message": "m"})).status, 200, "tokens come back");
    host.stop().unwrap();
}

#[test]
fn slow_calls_of_one_client_do_not_take_every_place() {
    let node = node("concurrency = 2");
    let host = node.serve().unwrap();
    let (address, wait) = (host.address(), json!({"name": "wait", "arguments": {"ms": 3_000}}));
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let wait = wait.clone();
            // One that meets two others is refused itself, and comes again.
            let ask = move || modern(address, "tools/call", &wait, &json!({})).unwrap();
            std::thread::spawn(move || std::iter::repeat_with(ask).find(|answer| answer.status != 429).unwrap())
        })
        .collect();
    // As soon as both run, a third is refused; before that it may pass.
    let refused =
        (0..50_000).map(|_| call(&host, "echo", &json!({"message": "m"}))).find(|answer| answer.status == 429);
    let refused = refused.expect("a third request beside two that run");
    assert!(refused.body.contains("`concurrency` of [client-limits]"), "{}", refused.body);
    for one in slow {
        assert_eq!(one.join().unwrap().status, 200);
    }
    assert_eq!(call(&host, "echo", &json!({"message": "m"})).status, 200, "places are given back");
    host.stop().unwrap();
}

#[test]
fn calls_over_a_byte_stream_count_too() {
    let node = node("rate = 1\nburst = 3");
    let mut stream = Stream::start(&node.stdio_command().unwrap()).unwrap();
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
    stream.ask(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})).unwrap();
    let params = json!({"name": "echo", "arguments": {"message": "m"}});
    let answers: Vec<Value> = (1..12)
        .map(|id| stream.ask(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})).unwrap())
        .collect();
    let text = |answer: &Value| answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
    assert_eq!(text(&answers[0]), "m", "{}", answers[0]);
    let refused = answers.iter().find(|answer| answer["result"]["isError"] == true).expect("one that is refused");
    let text = text(refused);
    assert!(text.starts_with("busy, try again later") && text.contains("`rate` and `burst`"), "{text}");
    assert!(stream.close().unwrap().1);
}

/// Two clients of the tenant `sea`, one of `land`, one of none; each has proved who it is.
struct Tenants {
    node: Node,
    host: Host,
    ada: String,
    alan: String,
    bob: String,
    free: String,
}

impl Tenants {
    fn new(limits: &str) -> Self {
        let node = Node::with_fixtures(&["echo"], "").unwrap();
        let client = |name: &str, tenant: &str| format!("[[client]]\nkey = \"{name}\"\n{tenant}tools = [\"*\"]\n\n");
        let of = |tenant: &str| format!("tenant = \"{tenant}\"\n");
        let grants = [
            grant("protocol-mcp", "gateway = true"),
            grant("echo", ""),
            client("ada", &of("sea")),
            client("alan", &of("sea")),
            client("bob", &of("land")),
            client("free", ""),
            format!("[client-limits]\n{limits}\n"),
        ];
        node.write_policy(&grants.concat()).unwrap();
        std::fs::write(node.path("tidegate.toml"), "[access]\nkeys = true\n").unwrap();
        let state = node.path("state").display().to_string();
        let key = |name: &str| {
            let key = node.tidegate(&["access", "add-key", name, "--state", &state]).unwrap();
            format!("Bearer {}", key.trim())
        };
        let (ada, alan, bob, free) = (key("ada"), key("alan"), key("bob"), key("free"));
        let config = node.path("tidegate.toml");
        let with_config = |command: &mut std::process::Command| {
            command.arg("--config").arg(config);
        };
        let host = node.serve_with(with_config).unwrap();
        Self { node, host, ada, alan, bob, free }
    }

    fn call(&self, key: &str) -> Answer {
        let params = json!({"name": "echo", "arguments": {"message": "m"}});
        let body = modern_body(&json!(1), "tools/call", &params, &json!({})).to_string();
        let headers = [
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "echo"),
            ("Authorization", key),
        ];
        post(self.host.address(), &headers, &body).unwrap()
    }

    /// A stream that stays open until it is dropped: what runs without a clock.
    fn listen(&self, key: &str) -> Wire {
        let params = json!({"notifications": {"toolsListChanged": true}});
        let body = modern_body(&json!(1), "subscriptions/listen", &params, &json!({}));
        let headers = [
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "subscriptions/listen"),
            ("Mcp-Name", ""),
            ("Authorization", key),
        ];
        let stream = Wire::post(self.host.address(), &headers, &body).unwrap();
        assert_eq!(stream.status, 200, "{stream:?}");
        stream
    }

    /// Calls until one is refused; how it was refused.
    fn refused(&self, key: &str) -> Answer {
        let mut answers = (0..200).map(|_| self.call(key));
        answers.find(|answer| answer.status != 200).expect("a call that is refused")
    }

    fn end(self) {
        self.host.stop().unwrap();
        drop(self.node);
    }
}

/// A refusal says when to come back, whose limit it is, and which line of the policy sets it.
fn is_refusal(answer: &Answer, who: &str, key: &str) {
    assert_eq!(answer.status, 429, "{answer:?}");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{answer:?}");
    assert!(answer.body.contains(who) && answer.body.contains(key), "{who}, {key}: {}", answer.body);
}

#[test]
fn the_rate_of_a_tenant_binds_its_clients_together_and_no_other_tenant() {
    let tenants = Tenants::new("tenant-rate = 1\ntenant-burst = 6");
    for _ in 0..3 {
        assert_eq!(tenants.call(&tenants.ada).status, 200);
    }
    let keys = "`tenant-rate` and `tenant-burst` of [client-limits]";
    is_refusal(&tenants.refused(&tenants.alan), "the tenant `sea`", keys);
    is_refusal(&tenants.refused(&tenants.ada), "the tenant `sea`", keys);
    for key in [&tenants.bob, &tenants.free] {
        for _ in 0..6 {
            assert_eq!(tenants.call(key).status, 200, "the burst of another is whole");
        }
    }
    is_refusal(&tenants.refused(&tenants.bob), "the tenant `land`", keys);
    assert!(settled(|| tenants.call(&tenants.alan).status == 200), "tokens come back");
    tenants.end();
}

#[test]
fn what_a_tenants_clients_run_is_counted_together_and_for_no_other_tenant() {
    let tenants = Tenants::new("tenant-concurrency = 3");
    let held = [tenants.listen(&tenants.ada), tenants.listen(&tenants.ada), tenants.listen(&tenants.alan)];
    let keys = "`tenant-concurrency` of [client-limits]";
    for key in [&tenants.ada, &tenants.alan] {
        is_refusal(&tenants.call(key), "the tenant `sea`", keys);
    }
    for key in [&tenants.bob, &tenants.free] {
        assert_eq!(tenants.call(key).status, 200, "another's places are free");
    }
    drop(held);
    assert!(settled(|| tenants.call(&tenants.alan).status == 200), "places are given back");
    tenants.end();
}

#[test]
fn a_client_at_its_limit_takes_nothing_from_another_of_its_tenant() {
    let tenants = Tenants::new("rate = 1\nburst = 3\ntenant-rate = 1\ntenant-burst = 8");
    let keys = "`rate` and `burst` of [client-limits]";
    is_refusal(&tenants.refused(&tenants.ada), "the client `key:ada of sea`", keys);
    // What is refused costs the tenant nothing, however often it is asked for.
    let beyond = (0..30).filter(|_| tenants.call(&tenants.ada).status == 429).count();
    assert!(beyond > 10, "{beyond}");
    for _ in 0..3 {
        assert_eq!(tenants.call(&tenants.alan).status, 200, "the burst of another client is whole");
    }
    tenants.end();
    let tenants = Tenants::new("concurrency = 2");
    let mut held = vec![tenants.listen(&tenants.ada), tenants.listen(&tenants.ada)];
    is_refusal(&tenants.call(&tenants.ada), "the client `key:ada of sea`", "`concurrency` of [client-limits]");
    held.push(tenants.listen(&tenants.alan));
    assert_eq!(tenants.call(&tenants.alan).status, 200);
    drop(held);
    tenants.end();
}
