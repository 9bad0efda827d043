//! The client programs against a server made with the official SDK: when these fail, the harness is at fault and not
//! the host.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::json;
use tidegate_e2e::{Client, Library, inspect, reference_server};

fn connect(library: Library) -> Client {
    Client::connect_command(library, &reference_server().unwrap()).unwrap()
}

/// Every step, in one conversation.
fn steps(library: Library) {
    let mut client = connect(library);
    let tools = client.step(&json!({"do": "list"})).unwrap();
    let names: Vec<&str> =
        tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["add", "count", "sleep", "grow", "fail"]);
    assert_eq!(tools["pages"], 1);

    let sum = client.call("add", &json!({"a": 2, "b": 3})).unwrap();
    assert_eq!(sum["structuredContent"], json!({"result": 5}));

    let counted =
        client.step(&json!({"do": "call", "tool": "count", "arguments": {"to": 3}, "progress": true})).unwrap();
    // Not all of it: a library may drop progress that arrives together with the result.
    let first = &counted["progress"][0];
    assert_eq!((first["progress"].as_f64(), first["total"].as_f64()), (Some(1.0), Some(3.0)), "{counted}");
    assert_eq!(first["message"], "step 1");

    let slept = json!({"do": "call", "tool": "sleep", "arguments": {"seconds": 600}, "cancel_after_ms": 100});
    assert_eq!(client.step(&slept).unwrap()["cancelled"], true);

    let failed = client.step(&json!({"do": "call", "tool": "fail"})).unwrap();
    assert_eq!(failed["result"]["isError"], true);

    let ping = client.step(&json!({"do": "ping"})).unwrap();
    assert_eq!(ping["pong"] == true, !library.is_modern(), "the modern revision has no ping: {ping}");

    assert_eq!(client.step(&json!({"do": "listen"})).unwrap()["listening"], true);
    client.call("grow", &json!({})).unwrap();
    let changes = client.step(&json!({"do": "changes", "at_least": 1, "timeout_ms": 20_000})).unwrap();
    assert!(changes["changes"].as_u64().unwrap() >= 1);

    let add = json!({"do": "call", "tool": "add", "arguments": {"a": 1, "b": 1}});
    let both = client.step(&json!({"do": "together", "steps": [add, {"do": "no such step"}]})).unwrap();
    assert_eq!(both["together"][0]["result"]["structuredContent"]["result"], 2);
    assert!(both["together"][1]["error"]["message"].is_string());
    client.close().unwrap();
}

macro_rules! every_library {
    ($($name:ident: $library:expr;)*) => { $(
        #[test]
        fn $name() {
            steps($library);
        }
    )* };
}

every_library! {
    python_auto: Library::Python("auto");
    python_legacy: Library::Python("legacy");
    python_modern: Library::Python("2026-07-28");
    typescript_auto: Library::TypeScript("auto");
    typescript_legacy: Library::TypeScript("legacy");
    typescript_modern: Library::TypeScript("2026-07-28");
    typescript_v1: Library::TypeScriptV1;
}

#[test]
fn the_modes_negotiate_what_they_say() {
    for (library, revision) in [
        (Library::Python("auto"), "2026-07-28"),
        (Library::Python("legacy"), "2025-11-25"),
        (Library::TypeScript("2026-07-28"), "2026-07-28"),
    ] {
        assert_eq!(connect(library).connected()["protocol"], revision, "{library:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let refused = Client::connect_to(Library::Python("auto"), "http://127.0.0.1:1/mcp").unwrap_err();
    assert!(refused.to_string().contains("did not connect"), "{refused}");
}

#[test]
fn the_inspector_lists_and_calls() {
    for era in ["legacy", "modern"] {
        let tools = inspect(era, &reference_server().unwrap(), &["--method", "tools/list"]).unwrap();
        assert_eq!(tools["tools"][0]["name"], "add", "{tools}");
        let call = ["--method", "tools/call", "--tool-name", "add", "--tool-args-json", r#"{"a":2,"b":3}"#];
        let sum = inspect(era, &reference_server().unwrap(), &call).unwrap();
        assert_eq!(sum["structuredContent"]["result"], 5, "{sum}");
    }
}
