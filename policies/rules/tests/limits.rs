//! The tables of limits for people say what the types say, and every key does what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_grant::{LIMITS, LimitKey, Limits, POOL_LIMITS, PoolLimits};
use tidegate_rules::units::{parse_duration, parse_size};
use tidegate_rules::{Policy, Source, Subject, decide, parse};

fn read(text: &str) -> Policy {
    parse(&[Source { name: "p".into(), folder: "/".into(), text: text.to_owned() }])
        .unwrap_or_else(|error| panic!("{error}"))
}

fn number(limits: &Limits, key: &str) -> u64 {
    match key {
        "memory" => limits.memory,
        "table-elements" => limits.table_elements,
        "instances" => limits.instances.into(),
        "host-call" => limits.host_call,
        "output" => limits.output,
        "deadline" => limits.deadline.as_millis().try_into().unwrap(),
        "concurrency" => limits.concurrency.into(),
        other => panic!("no such limit: {other}"),
    }
}

fn written(key: &str, text: &str) -> u64 {
    if key == "deadline" {
        parse_duration(text).unwrap().as_millis().try_into().unwrap()
    } else {
        parse_size(text).unwrap()
    }
}

#[test]
fn defaults_are_what_the_table_says() {
    for LimitKey { key, default, .. } in LIMITS {
        assert_eq!(number(&Limits::default(), key), written(key, default), "{key}");
    }
    let pool = PoolLimits::default();
    let defaults: Vec<_> = POOL_LIMITS.iter().map(|limit| (limit.key, parse_size(limit.default).unwrap())).collect();
    assert_eq!(defaults, [("stack", pool.stack), ("instances", pool.instances.into())]);
}

#[test]
fn every_limit_can_be_set_up_to_what_the_table_says() {
    for LimitKey { key, max, .. } in LIMITS {
        let value = |text: &str| {
            if text.bytes().all(|byte| byte.is_ascii_digit()) { text.to_owned() } else { format!("\"{text}\"") }
        };
        let text = |value: &str| {
            format!(
                "version = 1\n[[grant]]\nsigner = \"local-build\"\ncomponent = \"a\"\nlimits = {{ {key} = {value} }}\n"
            )
        };
        let policy = read(&text(&value(max)));
        let decision =
            decide(&policy, &Subject { signer: "local-build", component: "a", imports: &[], requests: None });
        for other in LIMITS {
            let expected = if other.key == *key { max } else { other.default };
            assert_eq!(
                number(&decision.grant.limits, other.key),
                written(other.key, expected),
                "{key} sets {}",
                other.key
            );
        }
        let more = if *key == "deadline" { "\"86400001ms\"".to_owned() } else { (written(key, max) + 1).to_string() };
        let more = Source { name: "p".into(), folder: "/".into(), text: text(&more) };
        assert!(parse(&[more]).is_err(), "{key} beyond {max}");
    }
}

#[test]
fn the_pool_can_be_set_up_to_what_the_table_says() {
    for LimitKey { key, max, .. } in POOL_LIMITS {
        let most = parse_size(max).unwrap();
        let policy = read(&format!("version = 1\n[pool]\n{key} = {most}\n"));
        let set = match *key {
            "stack" => policy.pool.stack,
            _ => policy.pool.instances.into(),
        };
        assert_eq!(set, most);
        assert_eq!(policy.pool_origins[key].line, 3);
        let text = format!("version = 1\n[pool]\n{key} = {}\n", most + 1);
        assert!(parse(&[Source { name: "p".into(), folder: "/".into(), text }]).is_err());
    }
}
