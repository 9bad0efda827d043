//! Commands on a node where no host runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ADD, NOSY, Node};
use serde_json::json;

#[test]
fn a_component_is_added_listed_inspected_called_and_removed() {
    let node = Node::new();
    node.signed_adder();
    let added = node.run(&["add", "adder.wasm"]).success();
    for text in
        ["added adder 1.0.0", "no host runs", "signed by tests (SHA256:", "compute, and reach nothing", "add, boom"]
    {
        assert!(added.out.contains(text), "`{text}` is not in\n{}", added.out);
    }
    let listed = node.run(&["list", "--json"]).success().json();
    assert_eq!((&listed["running"], &listed["development"]), (&json!(false), &json!(false)));
    let component = &listed["components"][0];
    assert_eq!((&component["name"], &component["version"]), (&json!("adder"), &json!("1.0.0")));
    assert_eq!(component["signer"]["name"], "tests");
    assert_eq!(component["tools"][0]["name"], "add");
    assert_eq!(component["may"], json!([]));
    let table = node.run(&["list"]).success().out;
    assert!(table.contains("adder") && table.contains("1.0.0") && table.contains("compute"), "{table}");

    let inspected = node.run(&["inspect", "adder", "--json"]).success().json();
    assert_eq!(inspected["reference"], "adder@1.0.0");
    assert_eq!(inspected["signature"]["signer"], "tests");
    assert_eq!(inspected["loaded"]["tools"][0]["input-schema"]["type"], "object");
    assert!(inspected["exports"].as_array().unwrap().contains(&json!("add")), "{inspected}");

    let called = node.run(&["call", "add", "a=2", "b=40"]).success();
    assert!(called.out.contains("42"), "{called:?}");
    let called = node.run(&["call", "add", r#"{"a": 2, "b": -2}"#, "--json"]).success().json();
    assert_eq!(called["is-error"], false);
    node.run(&["remove", "adder"]).success();
    node.run(&["remove", "adder"]).failure(5, &["there is no component `adder`"]);
    assert!(node.run(&["list"]).success().out.contains("tidegate add"));
}

#[test]
fn the_exit_code_says_whose_fault_a_call_is() {
    let node = Node::new();
    node.signed_adder();
    let call = |arguments: &[&str]| {
        let mut all = vec!["call", "--components", "adder.wasm"];
        all.extend(arguments);
        node.run(&all)
    };
    call(&["subtract"]).failure(5, &["subtract", "tidegate list"]);
    call(&["add", "a=1"]).failure(2, &["arguments do not fit"]);
    call(&["add", "word"]).failure(2, &["KEY=VALUE"]);
    call(&["boom"]).failure(4, &["error:"]);
    let ended = call(&["subtract", "--json"]).failure(5, &[]);
    assert_eq!(ended.error()["kind"], "not-found");
}

#[test]
fn what_is_refused_is_not_added_and_the_reason_is_told() {
    let node = Node::new();
    node.component("adder.wasm", ADD, None);
    node.run(&["add", "adder.wasm"]).failure(3, &["has no signature", "tidegate sign"]);
    node.component("nosy.wasm", NOSY, None);
    node.run(&["sign", "--key", "tests.key", "--name", "nosy", "--version", "1.0.0", "nosy.wasm"]).success();
    let ended = node.run(&["add", "nosy.wasm"]).failure(3, &["nosy@1.0.0", "tidegate:host/system", "system = true"]);
    assert_eq!(ended.err.matches("imports more than").count(), 1, "a cause is told once: {}", ended.err);
    node.run(&["add", "nowhere.wasm", "--json"]).failure(5, &["not-found"]);
    assert_eq!(node.run(&["list", "--json"]).success().json()["components"], json!([]));
    // One that is refused does not hinder the next.
    node.signed_adder();
    let ended = node.run(&["add", "nosy.wasm", "adder.wasm", "--json"]).failure(3, &["refused"]);
    assert_eq!(ended.json()["added"][0]["name"], "adder");
    // With the line of the message it is let in.
    node.write_policy("[[grant]]\nsigner = \"tests\"\ncomponent = \"nosy\"\nsystem = true\n");
    let added = node.run(&["add", "nosy.wasm"]).success();
    assert!(added.out.contains("policy.toml:9"), "{}", added.out);
}

#[test]
fn an_unsigned_file_is_inspected_without_running_it() {
    let node = Node::new();
    node.component("adder.wasm", ADD, None);
    let inspected = node.run(&["inspect", "adder.wasm", "--json"]).success().json();
    assert_eq!(inspected["signature"]["is"], "refused");
    assert_eq!(inspected["loaded"], json!(null));
    assert!(inspected["digest"].as_str().unwrap().starts_with("sha256:"));
    let shown = node.run(&["inspect", "./adder.wasm"]).success().out;
    assert!(shown.contains("refused: ") && shown.contains("exports"), "{shown}");
    assert!(!node.path("state/components").exists(), "looking installs nothing");
    node.run(&["inspect", "nothing"]).failure(5, &["tidegate list"]);
}

#[test]
fn development_mode_takes_what_was_built_here_and_nothing_else() {
    let node = Node::new();
    node.component("adder.wasm", ADD, None);
    node.receipt("adder.wasm", "adder@1.0.0");
    node.run(&["add", "adder.wasm"]).failure(3, &["--development"]);
    let added = node.run(&["add", "--development", "adder.wasm"]).success();
    assert!(added.out.contains("not signed: built on this machine"), "{}", added.out);
    let listed = node.run(&["list", "--development"]).success().out;
    assert!(listed.contains("DEVELOPMENT MODE") && listed.contains("local-build (unsigned)"), "{listed}");
    // Without the mode it stays out, and the list says so.
    let listed = node.run(&["list", "--json"]).success().json();
    assert_eq!(listed["components"], json!([]));
    assert!(listed["refused"][0]["reason"].as_str().unwrap().contains("--development"), "{listed}");
    // Other bytes than those that were built.
    let text = ADD.replace("i32.add", "i32.sub");
    node.component("adder.wasm", &text, None);
    node.run(&["add", "--development", "adder.wasm"]).failure(3, &["was not made on this machine for these bytes"]);
}
