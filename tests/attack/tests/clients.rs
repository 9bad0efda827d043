//! A client that asks for more than its share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_e2e::raw::{Answer, Stream, modern};
use tidegate_e2e::{Host, Node, grant};

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
    // Those of tenants, by `what_runs_is_counted_for_clients_and_tenants` in the router: a tenant takes a client that says
    // who it is.
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
            std::thread::spawn(move || modern(address, "tools/call", &wait, &json!({})).unwrap())
        })
        .collect();
    // As soon as both run, a third is refused; before that it may pass.
    let refused = (0..500).map(|_| call(&host, "echo", &json!({"message": "m"}))).find(|answer| answer.status == 429);
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
