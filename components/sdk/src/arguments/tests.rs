#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
use schemars::JsonSchema;
use serde::Deserialize;

use super::parse;
use crate::ToolError;

#[derive(Debug, Deserialize, JsonSchema)]
struct Input {
    /// How many entries.
    limit: u32,
    #[serde(default)]
    order: Option<Order>,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Order {
    Up,
    Down,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Item {
    /// Its name.
    name: String,
}

fn refused(json: &str) -> String {
    match parse::<Input>(json) {
        Err(ToolError::Invalid(text)) => text,
        other => panic!("not refused as invalid: {other:?}"),
    }
}

#[test]
fn good_arguments_are_parsed() {
    let input: Input = parse(r#"{"limit": 3, "order": "down", "items": [{"name": "a"}]}"#).unwrap();
    assert_eq!((input.limit, input.order, input.items[0].name.as_str()), (3, Some(Order::Down), "a"));
}

#[test]
fn no_arguments_are_an_empty_object() {
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Nothing {}
    for json in ["", "null", "{}", " {} "] {
        parse::<Nothing>(json).unwrap();
    }
}

#[test]
fn a_wrong_type_names_the_argument_and_what_was_expected() {
    assert_eq!(
        refused(r#"{"limit": "ten"}"#),
        "argument `limit`: invalid type: string \"ten\", expected u32; expected integer (How many entries)"
    );
}

#[test]
fn a_missing_argument_is_named() {
    assert_eq!(refused("{}"), "argument `limit`: is missing; expected integer (How many entries)");
    assert_eq!(
        refused(r#"{"limit": 1, "items": [{}]}"#),
        "argument `items[0].name`: is missing; expected string (Its name)"
    );
}

#[test]
fn an_unknown_argument_is_refused_with_the_known_ones() {
    assert_eq!(
        refused(r#"{"limit": 1, "limt": 2}"#),
        "argument `limt`: is unknown; the arguments are `items`, `limit`, `order`"
    );
}

#[test]
fn an_unknown_variant_lists_the_known_ones() {
    let text = refused(r#"{"limit": 1, "order": "sideways"}"#);
    assert!(text.contains("`up`") && text.contains("`down`") && text.starts_with("argument `order`"), "{text}");
}

#[test]
fn text_that_is_no_object_is_refused() {
    assert!(refused("[1").starts_with("argument"));
    assert!(refused("{\"limit\": 1} x").contains("no JSON object"));
}
