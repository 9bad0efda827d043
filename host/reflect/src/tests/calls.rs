//! Calls: typed and dynamic ways, results that are errors, limits, traps.

use wasmtime::Store;
use wasmtime::component::{Linker, Val};

use super::{call, component, instance, lifted, reflect};
use crate::function::Form;
use crate::{Answer, Arguments, CallError, ResultError, tools};

fn answer(structured: Option<&str>, text: &str, is_error: bool) -> Answer {
    Answer { structured: structured.map(str::to_owned), text: text.to_owned(), is_error }
}

#[tokio::test(flavor = "current_thread")]
async fn a_result_is_a_value_or_a_tool_error() {
    let texts = lifted(r#"(export "judge")"#, r#"(param "x" string) (result (result string (error string)))"#, "judge");
    assert_eq!(call(&texts, r#"{"x":"a\"b"}"#).await, answer(Some(r#"{"result":"a\"b"}"#), "a\"b", false));
    assert_eq!(call(&texts, r#"{"x":"!no"}"#).await, answer(None, "!no", true));

    let bytes =
        lifted(r#"(export "judge")"#, r#"(param "x" (list u8)) (result (result (list u8) (error string)))"#, "judge");
    assert_eq!(call(&bytes, r#"{"x":"AP8="}"#).await, answer(Some(r#"{"result":"AP8="}"#), "AP8=", false));
    assert_eq!(call(&bytes, r#"{"x":[33, 110]}"#).await, answer(None, "!n", true));

    let nothing = lifted(r#"(export "judge")"#, r#"(param "x" string) (result (result (error string)))"#, "judge");
    assert_eq!(call(&nothing, r#"{"x":"yes"}"#).await, answer(None, "done", false));
    assert_eq!(call(&nothing, r#"{"x":"!no"}"#).await, answer(None, "!no", true));
    assert_eq!(reflect(&nothing).functions[0].output_schema, None);

    // The same through values one by one, with an error that is no string.
    let ty = r#"(param "x" (list u16)) (result (result (list u16) (error (list u16))))"#;
    let values = lifted(r#"(export "judge")"#, ty, "judge");
    assert_eq!(call(&values, r#"{"x":[1]}"#).await, answer(Some(r#"{"result":[1]}"#), "[1]", false));
    assert_eq!(call(&values, r#"{"x":[33]}"#).await, answer(None, "[33]", true));
    let bare = lifted(r#"(export "one")"#, "(result (result))", "one");
    assert_eq!(call(&bare, "{}").await, answer(None, "failed", true));
}

#[tokio::test(flavor = "current_thread")]
async fn records_are_not_wrapped_and_nothing_is_done() {
    let record = r#"(type $t' (record (field "code" u32)))(export $t "t" (type $t'))"#;
    let body = format!("{record}{}", lifted(r#"(export "same")"#, r#"(param "x" $t) (result $t)"#, "same"));
    let expected = answer(Some(r#"{"code":7}"#), r#"{"code":7}"#, false);
    assert_eq!(call(&body, r#"{"x":{"code":7}}"#).await, expected);
    assert_eq!(
        reflect(&body).functions[0].output_schema.as_deref(),
        Some(
            r#"{"type":"object","properties":{"code":{"type":"integer","minimum":0,"maximum":4294967295}},"required":["code"],"additionalProperties":false}"#
        )
    );

    let nothing = lifted(r#"(export "nothing")"#, "", "nothing");
    assert_eq!(call(&nothing, "{}").await, answer(None, "done", false));
    assert_eq!(
        reflect(&nothing).functions[0].input_schema,
        r#"{"type":"object","properties":{},"additionalProperties":false}"#
    );

    let choice = r#"(type $t' (enum "red" "green"))(export $t "t" (type $t'))"#;
    let body = format!("{choice}{}", lifted(r#"(export "same")"#, r#"(param "x" $t) (result $t)"#, "same"));
    assert_eq!(call(&body, r#"{"x":"green"}"#).await, answer(Some(r#"{"result":"green"}"#), "green", false));
}

#[tokio::test(flavor = "current_thread")]
async fn strings_and_bytes_cross_in_one_piece() {
    for (param, result, arguments) in [
        ("(list u8)", "(list u8)", format!(r#"{{"x":"{}"}}"#, "AAAA".repeat(1 << 18))),
        ("(list u8)", "(result (list u8) (error string))", format!(r#"{{"x":"{}"}}"#, "AAAA".repeat(1 << 18))),
        ("string", "(list u8)", format!(r#"{{"x":"{}"}}"#, "a".repeat(1 << 19))),
        ("(list u8)", "string", format!(r#"{{"x":"{}"}}"#, "YWFh".repeat(1 << 18))),
    ] {
        let core = if result.starts_with("(result") { "judge" } else { "echo" };
        let body = lifted(r#"(export "f")"#, &format!(r#"(param "x" {param}) (result {result})"#), core);
        let (function, mut store, instance) = instance(&body).await;
        // What the host may spend on one call's values: enough for the bytes, a tenth of what `Val`s of them need.
        store.set_hostcall_fuel(4 << 20);
        let checked = function.arguments(&arguments).unwrap();
        assert_eq!(matches!(checked.0, Form::Bytes(_)), param == "(list u8)");
        let dynamic = Arguments(Form::Vals(checked.clone().into_vals()));
        let answer = function.call_async(&mut store, &instance, checked, 8 << 20).await.unwrap();
        assert!(answer.text.len() >= 1 << 19);
        // Only what comes back is counted.
        if result.contains("list u8") {
            let refused = function.call_async(&mut store, &instance, dynamic, 8 << 20).await.unwrap_err();
            assert!(matches!(refused, CallError::Trap(_)), "the dynamic way fits too, so this test shows nothing");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_path_and_bytes_cross_in_one_piece() {
    let ty = r#"(param "path" string) (param "data" (list u8)) (result (list u8))"#;
    let (function, mut store, instance) = instance(&lifted(r#"(export "f")"#, ty, "second")).await;
    store.set_hostcall_fuel(4 << 20);
    let json = format!(r#"{{"data":"{}","path":"/x"}}"#, "AAAA".repeat(1 << 18));
    let arguments = function.arguments(&json).unwrap();
    let answer = function.call_async(&mut store, &instance, arguments, 8 << 20).await.unwrap();
    assert_eq!(answer.text, "AAAA".repeat(1 << 18));

    let error = |json: &str| function.arguments(json).unwrap_err().to_string();
    assert_eq!(
        error(r#"{"path":"/x","dta":""}"#),
        "`/data` is missing: expected a base64 string or an array of numbers from 0 to 255"
    );
    assert_eq!(error(r#"{"path":"/x","data":"","y":1}"#), "`/y` is not known: the members are `path`, `data`");
    assert_eq!(error(r#"{"path":1,"data":""}"#), "`/path`: expected a string, found 1");
}

#[tokio::test(flavor = "current_thread")]
async fn post_return_runs_after_every_call() {
    let post = |name: &str, ty: &str| {
        lifted(&format!(r#"(export "{name}")"#), ty, "echo")
            .replace("(memory", "(post-return (core func $post)) (memory")
    };
    let body = format!(
        r#"(alias core export $i "post" (core func $post)){}{}{}"#,
        post("typed", r#"(param "x" string) (result string)"#),
        post("dynamic", r#"(param "x" (list u16)) (result (list u16))"#),
        lifted(r#"(export "freed")"#, "(result u32)", "freed"),
    );
    let (engine, component) = component(&body);
    let functions = tools(&component, &engine).functions;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_async(&mut store, &component).await.unwrap();
    for (function, json) in functions.iter().zip([r#"{"x":"a"}"#, r#"{"x":[1]}"#, "{}"]) {
        let arguments = function.arguments(json).unwrap();
        let answer = function.call_async(&mut store, &instance, arguments, 1024).await.unwrap();
        if function.name == "freed" {
            assert_eq!(answer.text, "2");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn results_are_bounded() {
    for ty in [
        r#"(param "x" string) (result string)"#,
        r#"(param "x" (list u16)) (result (list u16))"#,
        r#"(param "x" (list u8)) (result (list u8))"#,
    ] {
        let (function, mut store, instance) = instance(&lifted(r#"(export "f")"#, ty, "echo")).await;
        let json = if ty.contains("string") {
            format!(r#"{{"x":"{}"}}"#, "a".repeat(100))
        } else {
            format!(r#"{{"x":[{}1]}}"#, "1,".repeat(99))
        };
        let arguments = function.arguments(&json).unwrap();
        function.call_async(&mut store, &instance, arguments.clone(), 300).await.unwrap();
        let error = function.call_async(&mut store, &instance, arguments, 99).await.unwrap_err();
        assert!(matches!(error, CallError::Result(ResultError::TooLarge { limit: 99 })), "{error:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn traps_and_foreign_instances_are_told_apart() {
    let (function, mut store, instance) = instance(&lifted(r#"(export "trap")"#, "", "trap")).await;
    let arguments = function.arguments("{}").unwrap();
    let error = function.call_async(&mut store, &instance, arguments.clone(), 1024).await.unwrap_err();
    assert!(matches!(error, CallError::Trap(_)));
    let (_, mut store, other) = super::instance(&lifted(r#"(export "other")"#, "", "nothing")).await;
    let error = function.call_async(&mut store, &other, arguments, 1024).await.unwrap_err();
    assert_eq!(error.to_string(), "the instance does not export `trap`");
}

#[test]
fn values_of_another_function_are_refused() {
    let function = &reflect(&lifted(r#"(export "f")"#, r#"(param "x" u32) (result u32)"#, "same")).functions[0];
    assert_eq!(function.answer(vec![Val::String("x".into())], 1024), Err(ResultError::Mismatch));
    assert_eq!(function.answer(vec![], 1024), Err(ResultError::Mismatch));
    assert_eq!(function.answer(vec![Val::U32(5)], 1024), Ok(answer(Some(r#"{"result":5}"#), "5", false)));
}
