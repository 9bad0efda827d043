#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
use serde_json::{Value, json};

use super::Toolbox;
use crate::ask;
use crate::bindings::types::tools;
use crate::prelude::*;
use crate::{Tool, bindings};

/// Halves a number.
#[derive(Deserialize, JsonSchema)]
struct Halve {
    /// An even one.
    number: i64,
}

#[derive(Serialize, JsonSchema)]
struct Half {
    half: i64,
}

fn halve(input: Halve, call: &Call) -> Result<Structured<Half>, ToolError> {
    call.progress(0.5, Some(1.0), "halving");
    match input.number {
        0 => Err(ToolError::invalid("number", "must not be zero")),
        odd if odd % 2 != 0 => Err(ToolError::failed(format!("{odd} is odd"))),
        even => Ok(Structured::new(Half { half: even / 2 }).text(format!("half of {even} is {}", even / 2))),
    }
}

fn parse_number(_: NoInput, _: &Call) -> Result<String, std::num::ParseIntError> {
    "x".parse::<i32>().map(|number| number.to_string())
}

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

fn greet(_: NoInput, call: &Call) -> Result<Reply<String>, ToolError> {
    match call.answer("name").map(ask::filled::<Name>).transpose()? {
        None => Ok(Reply::Ask(ask::one("name", ask::form::<Name>("Who are you?")))),
        Some(None) => Err(ToolError::failed("nobody to greet")),
        Some(Some(Name { name })) => Ok(Reply::Done(format!("hello {name}"))),
    }
}

fn toolbox() -> Toolbox {
    Toolbox::new()
        .with(Tool::new("halve", halve).title("Halve").read_only(true))
        .with(Tool::new("parse_number", parse_number).description("Never works."))
        .with(Tool::new("greet", greet))
}

#[test]
fn a_definition_has_everything_a_model_needs() {
    let tools = toolbox().definitions();
    let halve = &tools[0];
    assert_eq!((halve.name.as_str(), halve.title.as_deref()), ("halve", Some("Halve")));
    assert_eq!(halve.description, "Halves a number.");
    assert_eq!(halve.annotations.as_ref().unwrap().read_only, Some(true));
    let schema: Value = serde_json::from_str(&halve.input_schema).unwrap();
    assert_eq!(schema["required"], json!(["number"]));
    assert!(schema.get("description").is_none(), "the description is said once");
    let output: Value = serde_json::from_str(halve.output_schema.as_ref().unwrap()).unwrap();
    assert_eq!(output["properties"]["half"]["type"], "integer");
    assert_eq!(tools[1].description, "Never works.");
    assert!(tools[1].output_schema.is_none());
}

#[test]
fn a_result_has_a_structure_and_a_text() {
    let done = toolbox().call_detached("halve", r#"{"number": 8}"#).unwrap();
    assert_eq!((done.plain_text().as_str(), done.structured.as_deref()), ("half of 8 is 4", Some(r#"{"half":4}"#)));
}

#[test]
fn every_kind_of_error_goes_where_it_belongs() {
    let failed = toolbox().call_detached("halve", r#"{"number": 3}"#).unwrap();
    assert!(failed.is_error && failed.plain_text() == "3 is odd");
    let library = toolbox().call_detached("parse_number", "{}").unwrap();
    assert!(library.is_error && library.plain_text() == "invalid digit found in string");
    let invalid = toolbox().call_detached("halve", r#"{"number": 0}"#).unwrap_err();
    assert!(matches!(invalid.0, tools::Error::InvalidArguments(text) if text == "argument `number`: must not be zero"));
    let unknown = toolbox().call_detached("third", "{}").unwrap_err();
    assert!(matches!(unknown.0, tools::Error::UnknownTool(text) if text.contains("`halve`")));
}

#[test]
fn a_question_is_asked_and_its_answer_used() {
    let Reply::Ask(questions) = toolbox().run("greet", "{}", &Call::detached()).unwrap() else {
        panic!("no question");
    };
    assert_eq!(questions.questions[0].id, "name");
    let reply = ask::AnswerReply::Consent(ask::Consent::Accept(Some(String::from(r#"{"name":"Ada"}"#))));
    let call = Call::detached().with_answers(vec![ask::Answer { id: String::from("name"), reply }], None);
    let Reply::Done(output) = toolbox().run("greet", "{}", &call).unwrap() else { panic!("asked again") };
    assert_eq!(output.plain_text(), "hello Ada");
}

#[test]
fn a_detached_call_keeps_what_was_reported() {
    let call = Call::detached();
    halve(Halve { number: 2 }, &call).unwrap();
    call.log(bindings::types::content::Severity::Info, json!({"a": 1}));
    assert_eq!(call.reported(), ["progress 0.5 halving", "Severity::Info {\"a\":1}"]);
    assert!(call.check().is_ok());
}
