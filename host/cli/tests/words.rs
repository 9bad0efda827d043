//! Policies, doctor, completions, help: what is told to people and programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ADD, NOSY, Node, set_mode};
use serde_json::{Value, json};

#[test]
fn policy_explains_what_is_granted_and_what_would_permit_the_rest() {
    let node = Node::new();
    node.component("nosy.wasm", NOSY, None);
    let unsigned = node.run(&["policy", "explain", "nosy.wasm"]).failure(3, &["refused:", "has no signature"]);
    assert!(unsigned.out.contains("signer = \"SIGNER\""), "{}", unsigned.out);
    node.run(&["sign", "--key", "tests.key", "--name", "nosy", "--version", "1.0.0", "nosy.wasm"]).success();
    let refused = node.run(&["policy", "explain", "nosy.wasm"]).failure(3, &[]);
    for text in ["nosy (signer tests)", "refused at load", "[[grant]]", "system = true"] {
        assert!(refused.out.contains(text), "`{text}` is not in\n{}", refused.out);
    }
    node.write_policy("[[grant]]\nsigner = \"tests\"\ncomponent = \"nosy\"\nsystem = true\n");
    let explained = node.run(&["policy", "explain", "nosy.wasm", "--json"]).success().json();
    let explanation = &explained["explanation"];
    assert_eq!((&explanation["may-load"], &explained["signature-refusal"]), (&json!(true), &Value::Null));
    assert_eq!(explanation["grants"].as_array().unwrap().len(), 1);
    assert!(explanation.to_string().contains("policy.toml"), "{explanation}");
    let other = node.run(&["policy", "explain", "nosy.wasm", "--signer", "local-build"]).failure(3, &[]);
    assert!(other.out.contains("signer local-build"), "{}", other.out);
    node.run(&["policy", "explain", "nobody"]).failure(5, &["nobody"]);
}

#[test]
fn policy_check_names_every_problem_with_line_and_column() {
    let node = Node::new();
    let good = node.run(&["policy", "check"]).success();
    assert!(good.out.contains("in order; 1 signers, 0 grants"), "{}", good.out);
    let text = "version = 1\nsigner = 1\n[[grant]]\nsigner = \"nobody\"\ncomponent = \"x\"\n";
    std::fs::write(node.path("bad.toml"), text).unwrap();
    node.run(&["policy", "check", "bad.toml"]).failure(2, &["bad.toml:2:1:", "bad.toml:4:"]);
    let problems = node.run(&["policy", "check", "bad.toml", "--json"]).failure(2, &[]).json();
    assert_eq!((&problems["problems"][0]["line"], &problems["problems"][0]["column"]), (&json!(2), &json!(1)));
    node.run(&["policy", "check", "nowhere.toml"]).failure(5, &["nowhere.toml"]);
    std::fs::write(node.path("key.toml"), "version = 1\n[signers.a]\npublic-key-file = \"key.toml\"\n").unwrap();
    node.run(&["policy", "check", "key.toml"]).failure(2, &["public key of signer `a`", "because"]);
}

/// The findings of a doctor that are bad.
fn bad(node: &Node) -> Vec<(String, String)> {
    let ended = node.run(&["doctor", "--json"]);
    let report = ended.json();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == "bad");
    let findings: Vec<_> = findings.map(|finding| (text(finding, "about"), text(finding, "mend"))).collect();
    assert_eq!(report["healthy"], findings.is_empty());
    assert_eq!(ended.code, i32::from(!findings.is_empty()), "{ended:?}");
    findings
}

#[test]
fn doctor_finds_what_is_wrong_and_names_what_mends_it() {
    let node = Node::new();
    let port = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let config = node.path("home/.config/tidegate");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("tidegate.toml"), format!("listen = \"{port}\"\n")).unwrap();
    assert_eq!(bad(&node), [], "a fresh node is well");
    node.signed_adder();
    node.run(&["add", "adder.wasm"]).success();
    node.run(&["key", "new"]).success();
    assert_eq!(bad(&node), []);
    let shown = node.run(&["doctor"]).success().out;
    for text in ["compile child", "address space", "disk", "clock", "guest toolchain", "listen = ", "nothing is wrong"]
    {
        assert!(shown.contains(text), "`{text}` is not in\n{shown}");
    }

    let state = node.path("state");
    set_mode(&state, 0o755);
    set_mode(&state.join("host.key"), 0o644);
    let key = config.join("keys/default.key");
    set_mode(&key, 0o640);
    node.write_policy("[secrets.a]\nenvironment = \"NOT_SET_ANYWHERE\"\n");
    let _taken = std::net::TcpListener::bind(port).unwrap();
    let found = bad(&node);
    for (about, mend) in [
        ("state directory", format!("chmod 700 {}", state.display())),
        ("host key", format!("chmod 600 {}", state.join("host.key").display())),
        ("keys", format!("chmod 600 {}", key.display())),
        ("policy", "export NOT_SET_ANYWHERE=...".to_owned()),
    ] {
        assert!(found.contains(&(about.to_owned(), mend.clone())), "{about}: {mend} is not in {found:?}");
    }
    assert!(found.iter().any(|(about, mend)| about == "address" && mend.contains("--listen")), "{found:?}");
    assert!(found.iter().any(|(about, _)| about == "databases"), "{found:?}");
    std::fs::write(node.path("policy.toml"), "version = 1\nsinger = 1\n").unwrap();
    assert!(bad(&node).iter().any(|(about, mend)| about == "policy" && mend.contains("policy check")));
    std::fs::write(config.join("tidegate.toml"), "lisen = 1\n").unwrap();
    assert_eq!(bad(&node)[0].0, "configuration");
}

#[test]
fn completions_are_for_every_shell() {
    let node = Node::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = node.run(&["completions", shell]).success().out;
        assert!(script.contains("doctor") && script.contains("components"), "{shell}");
    }
    node.run(&["completions", "tcsh"]).failure(2, &["tcsh"]);
}

#[test]
fn help_and_version_tell_what_one_needs() {
    let node = Node::new();
    let help = node.run(&["--help"]).success().out;
    for text in ["Exit codes:", "3  refused", "run", "doctor", "completions"] {
        assert!(help.contains(text), "`{text}` is not in\n{help}");
    }
    let version = node.run(&["--version"]).success().out;
    let lock = include_str!("../../../Cargo.lock");
    let (_, engine) = lock.split_once("name = \"wasmtime\"\nversion = \"").unwrap();
    let engine = format!("(wasmtime {})", engine.split_once('"').unwrap().0);
    assert!(version.contains(env!("CARGO_PKG_VERSION")) && version.contains(&engine), "{version} {engine}");
    node.run(&[]).failure(2, &["Usage"]);
    node.run(&["lst"]).failure(2, &["list"]);
    let ended = node.run(&["lst", "--json"]).failure(2, &[]);
    assert_eq!(ended.error()["kind"], "usage");
    assert!(ended.error()["message"].as_str().unwrap().starts_with("unrecognized subcommand"));
    node.run(&["verify"]).failure(2, &["X.wasm"]);
    node.run(&["list", "--log", "loud"]).failure(2, &["loud"]);
}

#[test]
fn a_new_project_is_whole_and_overwrites_nothing() {
    let node = Node::new();
    let made = node.run(&["new", "sea-level", "--json"]).success().json();
    assert_eq!(made["name"], "sea-level");
    let read = |path: &str| std::fs::read_to_string(node.path("sea-level").join(path)).unwrap();
    assert!(read("Cargo.toml").contains("name = \"sea-level\""));
    assert!(read("tidegate.toml").contains("name = \"sea-level\""));
    assert!(read("src/lib.rs").contains("tidegate_sdk::tools!"));
    assert!(read("sdk/src/lib.rs").contains("prelude"));
    assert!(read("sdk/wit/tool/tools.wit").contains("interface"));
    node.run(&["new", "sea-level"]).failure(2, &["not empty", "--path"]);
    node.run(&["new", "Sea"]).failure(2, &["Sea"]);
    node.run(&["build", "nowhere"]).failure(5, &["tidegate new"]);
}

#[test]
fn colour_is_for_terminals() {
    let node = Node::new();
    node.component("a.wasm", ADD, None);
    let ended = node.run(&["verify", "a.wasm"]).failure(3, &["error:"]);
    assert!(!ended.err.contains('\x1b'), "{ended:?}");
}
