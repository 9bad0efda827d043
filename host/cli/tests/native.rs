//! Native code: from the build to a node that does not compile, by files, a registry and a mirror.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::fs;

use common::registry::{MANIFEST, Registry, log_in, write_credentials};
use common::{ADD, Node};

/// A node that believes the key `tests` in both, with what `[engine]` says.
fn node(engine: &str) -> Node {
    let node = Node::new();
    let policy = fs::read_to_string(node.path("policy.toml")).unwrap();
    let roles = "public-key-file = \"tests.pub\"\nroles = [\"component\", \"native-code\"]";
    fs::write(node.path("policy.toml"), policy.replace("public-key-file = \"tests.pub\"", roles)).unwrap();
    set(&node, engine);
    signed(&node, MANIFEST);
    node
}

fn signed(node: &Node, manifest: &str) {
    node.component("adder.wasm", ADD, Some(manifest));
    node.run(&["sign", "--key", "tests.key", "adder.wasm"]).success();
}

fn set(node: &Node, engine: &str) {
    let folder = node.path("home/.config/tidegate");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("tidegate.toml"), format!("[engine]\n{engine}\n")).unwrap();
}

fn here() -> &'static str {
    tidegate::bundle::CodeTarget::here().name()
}

fn pulley() -> &'static str {
    tidegate::bundle::CodeTarget::pulley().name()
}

#[test]
fn however_it_was_compiled_the_answer_is_the_same() {
    let node = node("compile = true");
    let both = format!("{},{}", here(), pulley());
    let built = node.run(&["build", "adder.wasm", "--key", "tests.key", "--target", &both, "--json"]).success().json();
    assert_eq!(built["built"][0]["native"].as_array().unwrap().len(), 2, "{built}");
    let compact = node.run(&["build", "adder.wasm", "--key", "tests.key", "--layout", "compact"]);
    compact.failure(2, &["--target"]);
    for engine in [
        "compile = true",
        "code = \"pulley\"",
        "compile = false",
        "compile = false\ncode = \"pulley\"",
        "layout = \"compact:1MiB\"",
    ] {
        set(&node, engine);
        let call = |arguments: &[&str]| {
            let all: Vec<&str> = ["call", "--components", "adder.wasm"].iter().chain(arguments).copied().collect();
            node.run(&all)
        };
        assert_eq!(call(&["add", "a=2", "b=40"]).success().out.trim(), "42", "{engine}");
        call(&["boom"]).failure(4, &["unreachable"]);
    }
    // Compiled for another layout, it says so and what to set.
    node.run(&["build", "adder.wasm", "--key", "tests.key", "--target", here(), "--layout", "compact:1MiB"]).success();
    set(&node, "compile = false");
    node.run(&["add", "adder.wasm"]).failure(3, &["layout = \"compact:1MiB\""]);
    set(&node, "compile = false\nlayout = \"compact:1MiB\"");
    node.run(&["add", "adder.wasm"]).success();
    assert_eq!(node.run(&["call", "add", "a=2", "b=40"]).success().out.trim(), "42");
}

#[test]
fn what_the_code_generator_for_risc_v_cannot_do_is_said_with_the_way_out() {
    let node = node("compile = true");
    let copies = ADD
        .replace("(core module $m", "(core module $m (memory 1)")
        .replace("unreachable)", "(memory.copy (i32.const 0) (i32.const 64) (i32.const 16)) unreachable)");
    node.component("adder.wasm", &copies, Some(MANIFEST));
    let build = |target: &str| node.run(&["build", "adder.wasm", "--key", "tests.key", "--target", target]);
    build("riscv64gc-unknown-linux-gnu").failure(1, &["--target pulley64", "no short copies of a fixed length"]);
    build("pulley64").success();
}

#[test]
fn code_of_the_version_before_is_refused_and_an_update_brings_the_right_one() {
    let node = node("compile = false");
    node.run(&["build", "adder.wasm", "--key", "tests.key", "--target", here()]).success();
    node.run(&["add", "adder.wasm"]).success();
    let newer = MANIFEST.replace("1.0.0", "1.1.0");
    signed(&node, &newer);
    node.run(&["add", "adder.wasm"]).failure(3, &["was made from `adder@1.0.0`"]);
    node.run(&["build", "adder.wasm", "--key", "tests.key", "--target", here()]).success();
    // An update takes it along.
    fs::create_dir(node.path("newer")).unwrap();
    for entry in fs::read_dir(node.path("")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("adder.") {
            fs::rename(entry.path(), node.path("newer").join(entry.file_name())).unwrap();
        }
    }
    node.run(&["update", "adder", "--from", "newer", "--approve"]).success();
    assert_eq!(node.run(&["call", "add", "a=2", "b=40"]).success().out.trim(), "42");
}

#[test]
fn registries_and_mirrors_carry_it_and_nodes_fetch_what_they_run() {
    let node = node("compile = false");
    let registry = Registry::start(&node);
    log_in(&node, &registry, "*", "push");
    let to = format!("oci://{}/acme/adder", registry.host);
    let published = node.run(&["publish", "--key", "tests.key", "adder.wasm", &to, "--json"]).success().json();
    let place = format!("{to}:1.0.0");
    node.run(&["add", &place]).failure(3, &["has no native code for"]);
    // Native code comes later, for the same release.
    let all = format!("{},{},aarch64-unknown-linux-gnu", here(), pulley());
    let again = node.run(&["publish", "--key", "tests.key", "adder.wasm", &to, "--target", &all, "--json"]);
    let again = again.success().json();
    assert_eq!(again["digest"], published["digest"]);
    let added = node.run(&["add", &place, "--json"]).success().json();
    assert_eq!(added["added"][0]["native"]["name"], "tests", "{added}");
    assert_eq!(node.run(&["call", "add", "a=2", "b=40"]).success().out.trim(), "42");

    // By a folder, without the registry, to another registry.
    node.run(&["mirror", "fetch", &place, "--to", "stick"]).success();
    drop(registry);
    node.run(&["remove", "adder"]).success();
    set(&node, "compile = false\ncode = \"pulley\"");
    node.run(&["add", "--mirror", "stick", "acme/adder:1.0.0"]).success();
    assert_eq!(node.run(&["call", "add", "a=2", "b=40"]).success().out.trim(), "42");
    let elsewhere = Node::new();
    let other = Registry::start(&elsewhere);
    write_credentials(&node, &other.host, &log_in(&elsewhere, &other, "*", "push"));
    node.run(&["mirror", "send", "stick", &format!("oci://{}", other.host)]).success();
    node.run(&["remove", "adder"]).success();
    node.run(&["add", &format!("oci://{}/acme/adder:1.0.0", other.host)]).success();
    // A node that compiles fetches none.
    set(&node, "compile = true");
    let added = node.run(&["add", "--mirror", "stick", "acme/adder:1.0.0", "--json"]).success().json();
    assert!(added["added"][0].get("native").is_none(), "{added}");
}
