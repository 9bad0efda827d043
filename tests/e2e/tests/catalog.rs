//! The list of tools as clients see it: pages, names that meet, components made for other hosts, and changes while the
//! host runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tidegate_e2e::{Client, Library, Node, Transport, fixtures, grant};

/// One of each generation and era.
const LIBRARIES: [Library; 4] =
    [Library::Python("legacy"), Library::Python("2026-07-28"), Library::TypeScript("auto"), Library::TypeScriptV1];

fn names(listed: &Value) -> Vec<&str> {
    listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

fn list(client: &mut Client) -> Value {
    client.step(&json!({"do": "list"})).unwrap()
}

#[test]
fn a_long_list_comes_in_pages() {
    let node = Node::with_fixtures(&["events", "content", "echo"], "").unwrap();
    node.write_policy(&grant("protocol-mcp", "gateway = true\nconfig = { page-size = \"5\" }")).unwrap();
    let host = node.serve().unwrap();
    for library in LIBRARIES {
        let mut client = Client::connect_to(library, &host.url()).unwrap();
        let listed = list(&mut client);
        assert_eq!((listed["pages"].as_u64(), names(&listed).len()), (Some(3), 15), "{library:?}: {listed}");
        let mut unique = names(&listed);
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), 15, "no page repeats another's");
        client.close().unwrap();
    }
    host.stop().unwrap();
}

#[test]
fn two_components_with_a_tool_of_the_same_name_are_both_usable() {
    let node = Node::with_fixtures(&["echo"], "").unwrap();
    let host = node.serve().unwrap();
    let mut client = Client::connect_to(Library::Python("auto"), &host.url()).unwrap();
    let twin = renamed("echo", "ohce");
    let twin_path = node.path("ohce.wasm");
    std::fs::write(&twin_path, twin).unwrap();
    let signed = node.sign_into("later", &twin_path).unwrap();
    node.command(&json!({"command": "add", "path": signed})).unwrap();
    assert_eq!(names(&list(&mut client)), ["echo", "ohce__echo"], "an addition changes no name that clients know");
    for tool in ["echo", "ohce__echo", "echo__echo"] {
        let echoed = client.call(tool, &json!({"message": tool})).unwrap();
        assert_eq!(echoed["content"][0]["text"], tool);
    }
    client.close().unwrap();
    host.stop().unwrap();
}

/// A guest under another name: the manifest is a custom section at the end, whose text has a name of the same length.
fn renamed(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = std::fs::read(fixtures().unwrap().join(format!("{from}.wasm"))).unwrap();
    let (old, new) = (format!("name = \"{from}\""), format!("name = \"{to}\""));
    let at = bytes.windows(old.len()).rposition(|window| window == old.as_bytes()).unwrap();
    bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
    bytes
}

/// A node with `echo`, and `content` signed beside it.
fn growing() -> (Node, Value, Value) {
    let node = Node::with_fixtures(&["echo"], "").unwrap();
    let signed = node.sign_into("later", &fixtures().unwrap().join("content.wasm")).unwrap();
    (node, json!({"command": "add", "path": signed}), json!({"command": "remove", "name": "content"}))
}

/// Every client is told of the addition and of the removal, once each, and sees it in the list.
fn told_of_changes(node: &Node, add: &Value, remove: &Value, clients: &mut [(String, Client)]) {
    for (who, client) in &mut *clients {
        assert_eq!(names(&list(client)), ["echo"], "{who}");
        client.step(&json!({"do": "listen"})).unwrap();
    }
    for (command, changes) in [(add, 1), (remove, 2)] {
        node.command(command).unwrap();
        for (who, client) in &mut *clients {
            let step = json!({"do": "changes", "at_least": changes, "timeout_ms": 20_000});
            assert_eq!(client.step(&step).unwrap()["changes"], changes, "{who}");
            let (give, expected): (_, &[&str]) = (
                json!({"do": "call", "tool": "give", "arguments": {"kind": "text"}}),
                match changes {
                    1 => &["echo", "give", "fail", "meta", "long"],
                    _ => &["echo"],
                },
            );
            assert_eq!(names(&list(client)), expected, "{who}");
            let given = client.step(&give).unwrap();
            assert_eq!(given["error"].is_object(), changes == 2, "{who}: {given}");
        }
    }
}

#[test]
fn additions_and_removals_are_told_to_every_client_over_http() {
    let (node, add, remove) = growing();
    let host = node.serve().unwrap();
    let connect = |library| (format!("{library:?}"), Client::connect_to(library, &host.url()).unwrap());
    let mut clients = LIBRARIES.map(connect);
    told_of_changes(&node, &add, &remove, &mut clients);
    clients.into_iter().for_each(|(_, client)| client.close().unwrap());
    host.stop().unwrap();
}

#[test]
fn additions_and_removals_are_told_to_the_client_of_a_byte_stream() {
    let (node, add, remove) = growing();
    for library in LIBRARIES {
        let client = Client::connect(library, Transport::Stdio, &node).unwrap();
        let mut clients = [(format!("{library:?}"), client)];
        told_of_changes(&node, &add, &remove, &mut clients);
        clients.into_iter().for_each(|(_, client)| client.close().unwrap());
    }
}

#[test]
fn a_call_that_runs_while_its_component_is_replaced_and_removed_ends_well() {
    let node = Node::with_fixtures(&["echo"], "").unwrap();
    let events = fixtures().unwrap().join("events.wasm");
    let first = node.sign_into("first", &events).unwrap();
    // Another version: the text of its manifest differs in one digit.
    let mut bytes = std::fs::read(&events).unwrap();
    let at = bytes.windows(7).rposition(|window| window == b"\"0.1.0\"").unwrap();
    bytes[at + 5] = b'1';
    std::fs::write(node.path("events.wasm"), bytes).unwrap();
    let second = node.sign_into("second", &node.path("events.wasm")).unwrap();

    let host = node.serve().unwrap();
    node.command(&json!({"command": "add", "path": first})).unwrap();
    let mut running = Client::connect_to(Library::Python("auto"), &host.url()).unwrap();
    let mut other = Client::connect_to(Library::TypeScriptV1, &host.url()).unwrap();
    let work = json!({"do": "call", "tool": "work", "arguments": {"steps": 15, "step_ms": 100}, "progress": true});

    running.begin(&work).unwrap();
    starts(&node);
    let added = node.command(&json!({"command": "add", "path": second})).unwrap();
    assert_eq!(added["version"], "0.1.1", "{added}");
    let counted = other.call("count", &json!({})).unwrap();
    assert_eq!(counted["structuredContent"]["count"], 1, "the new version answers while the old one still works");
    let worked = running.answer().unwrap();
    assert_eq!(worked["result"]["content"][0]["text"], "15 steps", "{worked}");

    running.begin(&work).unwrap();
    starts(&node);
    node.command(&json!({"command": "remove", "name": "events"})).unwrap();
    let worked = running.answer().unwrap();
    assert_eq!(worked["result"]["content"][0]["text"], "15 steps", "{worked}");
    running.close().unwrap();
    other.close().unwrap();
    host.stop().unwrap();
}

/// Waits until a call of `events` runs.
fn starts(node: &Node) {
    for _ in 0..500 {
        let listing = node.command(&json!({"command": "list"})).unwrap();
        let components = listing["components"].as_array().unwrap();
        if components.iter().any(|component| component["name"] == "events" && component["calls"] != 0) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the call did not start");
}

/// Tool, arguments, structured result.
fn foreign_calls() -> Vec<(&'static str, Value, Value)> {
    let numbers = json!({"a": 255, "b": -128, "c": 65535, "d": -32768, "e": 4_294_967_295_u32, "f": -2_147_483_648,
        "g": "18446744073709551615", "h": "-9223372036854775808", "i": 0.5, "j": -1.25});
    let square = json!([{"x": 0, "y": 0}, {"x": 1, "y": 0}, {"x": 1, "y": 1}, {"x": 0, "y": 1}]);
    vec![
        ("add", json!({"a": 2, "b": -5}), json!({"result": -3})),
        (
            "numbers",
            numbers,
            json!({"result": "255 -128 65535 -32768 4294967295 -2147483648 18446744073709551615 \
                -9223372036854775808 0.5 -1.25"}),
        ),
        ("reverse", json!({"bytes": "AQID"}), json!({"result": "AwIB"})),
        ("next-char", json!({"c": "é"}), json!({"result": "ê"})),
        ("negate", json!({"value": true}), json!({"result": false})),
        ("divide", json!({"a": 1, "b": 4}), json!({"result": 0.25})),
        ("lengths", json!({"texts": ["tide", null]}), json!({"result": [[4, true], [0, false]]})),
        ("opposite", json!({"colour": "red"}), json!({"result": "green"})),
        ("missing", json!({"rights": ["write"]}), json!({"result": ["read", "execute"]})),
        ("shapes-middle", json!({"points": square}), json!({"result": {"x": 0.5, "y": 0.5}})),
    ]
}

#[test]
fn a_component_made_for_other_hosts_is_listed_and_called() {
    let node = Node::with_fixtures(&[], "").unwrap();
    let unsigned = fixtures().unwrap().join("foreign.wasm");
    std::fs::copy(unsigned, node.path("components/foreign.wasm")).unwrap();
    let path = node.path("components/foreign.wasm").display().to_string();
    let key = node.path("tests.key").display().to_string();
    node.tidegate(&["sign", "--key", &key, "--name", "foreign", "--version", "0.2.0", &path]).unwrap();
    let host = node.serve().unwrap();
    for library in LIBRARIES {
        let mut client = Client::connect_to(library, &host.url()).unwrap();
        let listed = list(&mut client);
        assert_eq!(names(&listed).len(), 14, "no constructor and no method: {listed}");
        let add = &listed["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "add").unwrap();
        assert_eq!(add["inputSchema"]["properties"]["a"]["minimum"], -2_147_483_648_i64, "{add}");
        for (tool, arguments, expected) in foreign_calls() {
            let result = client.call(tool, &arguments).unwrap();
            assert_eq!(result["structuredContent"], expected, "{library:?}: {tool}");
        }
        let failures = [
            ("divide", json!({"a": 1, "b": 0}), "division by zero"),
            ("check-even", json!({"number": 3}), "failed"),
            ("shapes-area", json!({"shape": {"circle": [{"x": 0, "y": 0}, -1]}}), "negative"),
            ("add", json!({"a": 1}), "`/b` is missing"),
        ];
        for (tool, arguments, says) in failures {
            let answer = client.step(&json!({"do": "call", "tool": tool, "arguments": arguments})).unwrap();
            assert_eq!(answer["result"]["isError"], true, "{library:?}: {tool}: {answer}");
            assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains(says), "{tool}: {answer}");
        }
        let trapped = client.step(&json!({"do": "call", "tool": "explode"})).unwrap();
        assert!(trapped["error"].is_object() || trapped["result"]["isError"] == true, "{trapped}");
        client.close().unwrap();
    }
    let log = host.stop().unwrap();
    assert!(log.contains("no tool: ") && log.contains("resource"), "what is no tool is named with its reason:\n{log}");
}
