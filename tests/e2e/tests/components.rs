//! What components can give and keep, as clients see it: content of every kind, notes that outlive the host, secrets and
//! settings, and the end of a conversation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tidegate_e2e::{Client, Library, Node, Transport, grant};

const LIBRARIES: [Library; 4] =
    [Library::Python("legacy"), Library::Python("2026-07-28"), Library::TypeScript("auto"), Library::TypeScriptV1];

#[test]
fn content_of_every_kind_arrives() {
    let node = Node::with_fixtures(&["content"], "").unwrap();
    let host = node.serve().unwrap();
    for library in LIBRARIES {
        let mut client = Client::connect_to(library, &host.url()).unwrap();
        let given = client.call("give", &json!({"kind": "all"})).unwrap();
        let content = given["content"].as_array().unwrap();
        let kinds: Vec<&str> = content.iter().map(|one| one["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["text", "image", "audio", "resource_link", "resource", "resource"], "{library:?}");
        assert_eq!(content[0]["annotations"]["audience"], json!(["user", "assistant"]), "{given}");
        assert_eq!(content[0]["annotations"]["priority"], 0.5);
        assert_eq!(content[1]["mimeType"], "image/png");
        assert!(content[1]["data"].as_str().unwrap().starts_with("iVBORw0KGgo"), "the bytes of a PNG");
        assert_eq!(content[2]["mimeType"], "audio/wav");
        assert!(content[2]["data"].as_str().unwrap().starts_with("UklGR"), "the bytes of a WAV");
        assert_eq!((&content[3]["uri"], &content[3]["size"]), (&json!("demo://notes/1"), &json!(5)));
        assert_eq!(content[4]["resource"]["text"], "hello");
        assert_eq!(content[5]["resource"]["blob"], "AAH+/w==");
        let failed = client.step(&json!({"do": "call", "tool": "fail", "arguments": {"message": "no"}})).unwrap();
        assert_eq!(
            (&failed["result"]["isError"], &failed["result"]["content"][0]["text"]),
            (&json!(true), &json!("no"))
        );
        client.close().unwrap();
    }
    host.stop().unwrap();
}

#[test]
fn notes_outlive_the_host() {
    let node = Node::with_shipped_components().unwrap();
    let mut client = Client::connect(Library::Python("auto"), Transport::Http, &node).unwrap();
    client.call("add_note", &json!({"title": "Keep me", "body": "after a restart"})).unwrap();
    client.close().unwrap();
    for (library, transport) in
        [(Library::TypeScript("auto"), Transport::Stdio), (Library::TypeScriptV1, Transport::Http)]
    {
        let mut client = Client::connect(library, transport, &node).unwrap();
        let note = client.call("get_note", &json!({"id": 1})).unwrap();
        assert_eq!(note["structuredContent"]["body"], "after a restart", "{library:?}");
        client.close().unwrap();
    }
}

#[test]
fn secrets_and_settings_are_what_policy_says_and_no_more() {
    let lines = "secrets = [\"token\"]\nconfig = { colour = \"blue\" }\nenvironment = { TIDEGATE_TEST = \"seen\" }";
    let secret = "[secrets.token]\nfile = \"token.txt\"\n\n";
    let node = Node::with_fixtures(&["secret-user"], &format!("{secret}{}", grant("secret-user", lines))).unwrap();
    std::fs::write(node.path("token.txt"), "hush-hush-42").unwrap();
    let mut client = Client::connect(Library::Python("auto"), Transport::Http, &node).unwrap();
    let used = client.call("use_secret", &json!({"name": "token"})).unwrap();
    let text = used["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("12 bytes, first Some('h')") && !text.contains("hush"), "{text}");
    let other = client.step(&json!({"do": "call", "tool": "use_secret", "arguments": {"name": "other"}})).unwrap();
    assert_eq!(other["result"]["isError"], true, "{other}");
    let seen = client.call("look_around", &json!({})).unwrap()["structuredContent"].clone();
    assert_eq!(seen["config"], json!(["colour=blue"]), "{seen}");
    assert_eq!(seen["environment"], json!(["TIDEGATE_TEST=seen"]), "{seen}");
    assert!(!client.log().contains("hush"), "a secret is never in a log");
    client.close().unwrap();
}

#[test]
fn a_byte_stream_that_ends_lets_calls_finish() {
    let node = Node::with_fixtures(&["events"], "").unwrap();
    let command = node.stdio_command().unwrap();
    let mut host = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = host.stdin.take().unwrap();
    let client = json!({"name": "bare", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let call = json!({"name": "work", "arguments": {"steps": 10, "step_ms": 50}});
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}),
    ] {
        writeln!(input, "{message}").unwrap();
    }
    drop(input);
    let lines: Vec<Value> = BufReader::new(host.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).expect("standard output has nothing but messages"))
        .collect();
    let answer = lines.iter().find(|line| line["id"] == 2).expect("the call in flight is answered");
    assert_eq!(answer["result"]["content"][0]["text"], "10 steps", "{answer}");
    assert!(host.wait().unwrap().success(), "an end in order");
}

#[test]
fn shipped_components_name_no_folder_of_whoever_built_them() {
    let home = format!("{}/", std::env::home_dir().unwrap().display());
    for entry in std::fs::read_dir(tidegate_e2e::components().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(home.len()).any(|part| part == home.as_bytes());
        assert!(!found, "`{}` names `{home}`", path.display());
    }
}
