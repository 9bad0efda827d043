//! A host that runs, and commands through its control socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ADD, NOSY, Node};
use serde_json::json;

#[test]
fn components_come_and_go_while_the_host_runs() {
    let node = Node::new();
    node.signed_adder();
    let mut host = node.serve(&[]);
    assert!(host.log.contains("no component is loaded") && host.log.contains("tidegate add"), "{}", host.log);

    let added = node.run(&["add", "adder.wasm"]).success();
    assert!(added.out.contains("serves now"), "{}", added.out);
    host.read_until("loaded");
    let listed = node.run(&["list", "--json"]).success().json();
    assert_eq!((&listed["running"], &listed["components"][0]["name"]), (&json!(true), &json!("adder")));
    assert!(node.run(&["call", "add", "a=20", "b=22"]).success().out.contains("42"));
    node.run(&["call", "boom"]).failure(4, &["error:"]);
    node.run(&["call", "nothing"]).failure(5, &["nothing"]);
    assert_eq!(node.run(&["inspect", "adder", "--json"]).success().json()["running"], true);
    node.component("unsigned.wasm", ADD, None);
    node.run(&["add", "unsigned.wasm"]).failure(3, &["has no signature"]);
    let doctor = node.run(&["doctor", "--json"]).success().json();
    assert!(doctor.to_string().contains("a host runs"), "{doctor}");

    node.run(&["remove", "adder"]).success();
    node.run(&["call", "add", "a=1", "b=1"]).failure(5, &[]);
    assert_eq!(node.run(&["list", "--json"]).success().json()["components"], json!([]));

    node.run(&["run", "--listen", "127.0.0.1:0"]).failure(2, &["another host runs with the state directory"]);
    let (code, log) = host.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopping") && log.contains("stopped"), "{log}");
    assert!(!node.path("state/control.sock").exists());
    // The audit log tells it all afterwards.
    let audit = std::fs::read_to_string(node.path("state/audit.jsonl")).unwrap();
    assert!(audit.contains("adder@1.0.0") && audit.contains("has no signature"), "{audit}");
}

#[test]
fn the_service_manager_hears_ready_beats_and_stopping() {
    let node = Node::new();
    let manager = std::os::unix::net::UnixDatagram::bind(node.path("notify.sock")).unwrap();
    manager.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let socket = node.path("notify.sock").display().to_string();
    let hear = || {
        let mut buffer = [0; 512];
        let length = manager.recv(&mut buffer).expect("the host says something");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let host = node.serve_with(&[], &[("NOTIFY_SOCKET", &socket), ("WATCHDOG_USEC", "200000")]);
    let ready = hear();
    assert!(ready.starts_with("READY=1\nSTATUS=0 components, 0 tools"), "{ready}");
    assert_eq!((hear().as_str(), hear().as_str()), ("WATCHDOG=1\n", "WATCHDOG=1\n"));
    let (code, log) = host.stop();
    assert_eq!(code, Some(0), "{log}");
    let mut last = hear();
    while last == "WATCHDOG=1\n" {
        last = hear();
    }
    assert!(last.starts_with("STOPPING=1\n"), "{last}");
}

#[test]
fn the_start_tells_what_is_loaded_and_what_is_not() {
    let node = Node::new();
    std::fs::create_dir(node.path("parts")).unwrap();
    let server = r#"name = "page"
version = "1.0.0"
kind = "protocol"
description = "Answers nothing."
[http]
paths = ["/abc", "/older"]
"#;
    node.component("parts/adder.wasm", ADD, None);
    node.component("parts/nosy.wasm", NOSY, None);
    node.component("parts/page.wasm", ADD, Some(server));
    for (name, file) in [("adder", "parts/adder.wasm"), ("nosy", "parts/nosy.wasm")] {
        node.run(&["sign", "--key", "tests.key", "--name", name, "--version", "1.0.0", file]).success();
    }
    node.run(&["sign", "--key", "tests.key", "parts/page.wasm"]).success();
    let mut host = node.serve(&["--components", "parts"]);
    host.read_until("Ctrl-C stops the host");
    let log = &host.log;
    for text in [
        "loaded  adder 1.0.0",
        "signed by tests (SHA256:",
        "compute, and reach nothing",
        "tools  add, boom",
        "refused  parts/nosy.wasm",
        "system = true",
        "tidegate policy explain",
        "/abc\n",
        r#"{"abcServers":{"tidegate":{"type":"http","url":"http://127.0.0.1:"#,
        r#""run","--stdio","--state""#,
    ] {
        assert!(log.contains(text), "`{text}` is not in\n{log}");
    }
    assert!(!log.contains("DEVELOPMENT") && !log.contains("older"), "{log}");
    // What was refused at the start is told afterwards too, and explained.
    let listed = node.run(&["list", "--json"]).success().json();
    assert_eq!(listed["refused"][0]["what"], "parts/nosy.wasm");
    let explained = node.run(&["policy", "explain", "adder", "--json"]).success().json();
    assert_eq!(explained["explanation"]["signer"], "tests");
}

#[test]
fn development_mode_is_loud() {
    let node = Node::new();
    node.component("adder.wasm", ADD, None);
    node.receipt("adder.wasm", "adder@1.0.0");
    let host = node.serve(&["--development", "--components", "adder.wasm"]);
    assert!(host.log.contains("DEVELOPMENT MODE"), "{}", host.log);
    assert!(host.log.contains("not signed: built on this machine"), "{}", host.log);
    assert!(node.run(&["list"]).success().out.contains("DEVELOPMENT MODE"));
}

#[test]
fn a_start_that_cannot_be_says_what_to_do() {
    let node = Node::new();
    node.run(&["run", "--listen", "0.0.0.0:8765"])
        .failure(2, &["can be reached from other machines", "[tls]", "[access]"]);
    node.run(&["run", "--listen", "localhost"]).failure(2, &["127.0.0.1:8765"]);
    node.run(&["run", "--listen", "127.0.0.1:0", "--components", "nowhere"]).failure(5, &["there is no `nowhere`"]);
    node.run(&["run", "--policy", "nowhere.toml"]).failure(2, &["nowhere.toml"]);
    node.run(&["run", "--stdio"]).failure(5, &["no component serves byte streams"]);
    node.run(&["run", "--stdio", "--listen", "127.0.0.1:0"]).failure(2, &["--listen"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    node.run(&["run", "--listen", &address]).failure(1, &[&address]);
}

#[test]
fn the_log_can_be_read_by_programs() {
    let node = Node::new();
    node.signed_adder();
    let mut host = node.serve(&["--log-format", "json"]);
    node.run(&["add", "adder.wasm"]).success();
    let line = host.read_until("\"loaded\"");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["level"], &line["target"]), (&json!("info"), &json!("audit")));
    assert_eq!(line["component"], "adder@1.0.0");
}
