//! One component, four ways to its code: compiled here for the processor or the interpreter, or compiled elsewhere and signed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use tidegate_e2e::{Node, components, fixtures};

/// Strings, maps, floats, and every kind of WIT value.
const CALLS: &[(&str, &str)] = &[
    ("convert_time", r#"{"time": "2026-03-29T02:30", "from": "Europe/Berlin", "to": ["UTC", "Asia/Tokyo", "+05:30"]}"#),
    ("list_time_zones", r#"{"search": "island"}"#),
    ("numbers", r#"{"a":1,"b":-2,"c":3,"d":-4,"e":5,"f":-6,"g":7,"h":-8,"i":0.1,"j":1e300}"#),
    ("reverse", r#"{"bytes":[1,2,3,250]}"#),
    ("divide", r#"{"a":1,"b":3}"#),
    ("divide", r#"{"a":1,"b":0}"#),
    ("lengths", r#"{"texts":["a",null,"äöü",""]}"#),
    ("explode", "{}"),
];

#[test]
fn every_way_to_code_gives_the_same_answers() {
    let node = Node::empty().unwrap();
    let shown = |name: &str| node.path(name).display().to_string();
    let time = node.add(&components().unwrap().join("tool-time.wasm")).unwrap();
    std::fs::copy(fixtures().unwrap().join("foreign.wasm"), node.path("components/foreign.wasm")).unwrap();
    let (key, foreign) = (shown("tests.key"), shown("components/foreign.wasm"));
    let named = ["--key", &key, "--name", "foreign", "--version", "0.2.0", &foreign];
    node.tidegate(&[&["sign"], named.as_slice()].concat()).unwrap();
    let targets = "x86_64-unknown-linux-gnu,aarch64-unknown-linux-gnu,pulley64";
    node.tidegate(&[&["build", "--target", targets], named.as_slice()].concat()).unwrap();
    node.tidegate(&["build", "--target", targets, "--key", &key, &time.display().to_string()]).unwrap();
    let policy = std::fs::read_to_string(node.path("policy.toml")).unwrap();
    std::fs::write(node.path("policy.toml"), policy.replace("[\"component\"]", "[\"component\", \"native-code\"]"))
        .unwrap();
    for (tool, arguments) in CALLS {
        let mut answers = BTreeSet::new();
        for engine in ["code = 'native'", "compile = false", "code = 'pulley'", "code = 'pulley'\ncompile = false"] {
            std::fs::write(node.path("tidegate.toml"), format!("[engine]\n{engine}\n")).unwrap();
            let said = node.tidegate(&[
                "call",
                "--json",
                "--config",
                &shown("tidegate.toml"),
                "--state",
                &shown("state"),
                "--policy",
                &shown("policy.toml"),
                "--components",
                &shown("components"),
                tool,
                arguments,
            ]);
            answers.insert(said.unwrap_or_else(|error| last_line(&error.to_string())));
        }
        assert_eq!(answers.len(), 1, "{tool} {arguments}: {answers:?}");
        let refused = answers.iter().any(|answer| answer.contains("has no native code") || answer.contains("no tool"));
        assert!(!refused, "{tool}: {answers:?}");
    }
}

/// What a call that failed said, without the arguments of the command.
fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}
