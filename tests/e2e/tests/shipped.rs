//! Every shipped tool, listed and called with real input by every official client over both transports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod shipped {
    pub(crate) mod calls;
}

use serde_json::{Value, json};
use shipped::calls::{CALLS, FAILURES, Surroundings, TOOLS};
use tidegate_e2e::{Client, Library, Node, Transport, Web, inspect};

/// A node with everything, and a web server that its `tool-fetch` may reach.
fn node() -> (Node, Surroundings) {
    let node = Node::with_shipped_components().unwrap();
    let web = Web::start().unwrap();
    node.write_policy(&node.shipped_grants(&format!("{:?}", web.destination()))).unwrap();
    std::fs::write(node.files().join("tide.txt"), "High water at noon.\nLow water at six.\n").unwrap();
    let files = node.files();
    (node, Surroundings { web, files })
}

fn names(tools: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Lists all tools, calls each, and meets the errors that a client can cause.
fn list_and_call(library: Library, transport: Transport) {
    let (node, around) = node();
    let mut client = Client::connect(library, transport, &node).unwrap();
    let listed = client.step(&json!({"do": "list"})).unwrap();
    let mut expected: Vec<&str> = TOOLS.to_vec();
    expected.sort_unstable();
    assert_eq!(names(&listed), expected, "{library:?} over {transport:?}");
    for tool in listed["tools"].as_array().unwrap() {
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        assert!(!tool["description"].as_str().unwrap().is_empty(), "{tool}");
    }
    for call in CALLS {
        let result = client.call(call.tool, &(call.arguments)(&around)).unwrap();
        (call.check)(&result, &around);
    }

    let unknown = client.step(&json!({"do": "call", "tool": "no_such_tool"})).unwrap();
    assert!(
        unknown["error"]["message"].is_string(),
        "a tool that does not exist is an error of the protocol: {unknown}"
    );
    for failure in FAILURES {
        let step = json!({"do": "call", "tool": failure.tool, "arguments": (failure.arguments)(&around)});
        let answer = client.step(&step).unwrap();
        assert_eq!(answer["result"]["isError"], true, "{step} is the tool's answer, for the model to mend: {answer}");
        assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains(failure.says), "{step}: {answer}");
    }
    if !library.is_modern() {
        assert_eq!(client.step(&json!({"do": "ping"})).unwrap()["pong"], true);
    }
    client.close().unwrap();
}

macro_rules! every_client {
    ($($name:ident: $library:expr;)*) => { $(
        mod $name {
            use super::{Library, Transport, list_and_call};

            #[test]
            fn http() {
                list_and_call($library, Transport::Http);
            }

            #[test]
            fn stdio() {
                list_and_call($library, Transport::Stdio);
            }
        }
    )* };
}

every_client! {
    python_auto: Library::Python("auto");
    python_legacy: Library::Python("legacy");
    python_modern: Library::Python("2026-07-28");
    typescript_auto: Library::TypeScript("auto");
    typescript_legacy: Library::TypeScript("legacy");
    typescript_modern: Library::TypeScript("2026-07-28");
    typescript_v1: Library::TypeScriptV1;
}

/// The Inspector starts anew for each method, which takes a second: each tool is called once over each transport, in the
/// one era or the other.
fn inspector(target: &[String], around: &Surroundings) {
    let mut expected: Vec<&str> = TOOLS.to_vec();
    expected.sort_unstable();
    for era in ["legacy", "modern"] {
        assert_eq!(names(&inspect(era, target, &["--method", "tools/list"]).unwrap()), expected, "{era}");
    }
    for (call, era) in CALLS.iter().zip(["legacy", "modern"].into_iter().cycle()) {
        let arguments = (call.arguments)(around).to_string();
        let method = ["--method", "tools/call", "--tool-name", call.tool, "--tool-args-json", &arguments];
        let result = inspect(era, target, &method).unwrap();
        assert_ne!(result["isError"], true, "{era}: {result}");
        (call.check)(&result, around);
    }
}

#[test]
fn inspector_http() {
    let (node, around) = node();
    let host = node.serve().unwrap();
    inspector(&[host.url()], &around);
    host.stop().unwrap();
}

#[test]
fn inspector_stdio() {
    let (node, around) = node();
    inspector(&node.stdio_command().unwrap(), &around);
}

#[test]
fn the_modes_negotiate_what_they_say() {
    let (node, _around) = node();
    let host = node.serve().unwrap();
    for (library, revision) in [
        (Library::Python("auto"), "2026-07-28"),
        (Library::Python("legacy"), "2025-11-25"),
        (Library::TypeScript("auto"), "2026-07-28"),
        (Library::TypeScript("legacy"), "2025-11-25"),
        (Library::TypeScriptV1, "2025-11-25"),
    ] {
        let client = Client::connect_to(library, &host.url()).unwrap();
        assert_eq!(client.connected()["protocol"], revision, "{library:?}");
    }
}

#[test]
fn a_hundred_calls_at_once_are_all_answered() {
    let (node, _around) = node();
    let mut client = Client::connect(Library::Python("auto"), Transport::Http, &node).unwrap();
    let call = json!({"do": "call", "tool": "current_time", "arguments": {"zone": "Asia/Tokyo"}});
    let together = client.step(&json!({"do": "together", "steps": vec![call; 100]})).unwrap();
    let answers = together["together"].as_array().unwrap();
    assert_eq!(answers.len(), 100);
    for answer in answers {
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        assert!(answer["result"]["content"][0]["text"].is_string(), "{answer}");
    }
    client.close().unwrap();
}
