#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{input, output};

/// Does a thing
/// in two lines.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Thing {
    /// How many.
    count: u32,
    inner: Inner,
    more: Option<Inner>,
    map: BTreeMap<String, u8>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Inner {
    x: f64,
}

#[test]
fn an_input_is_a_closed_object_without_references() {
    let schema = input::<Thing>();
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["description"], "Does a thing in two lines.");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["inner"]["additionalProperties"], false);
    assert_eq!(schema["properties"]["count"], json!({"type": "integer", "minimum": 0, "description": "How many."}));
    assert_ne!(schema["properties"]["map"]["additionalProperties"], false, "a map takes any member");
    let text = schema.to_string();
    assert!(!text.contains("$ref") && !text.contains("$schema") && !text.contains("\"title\""), "{text}");
}

#[test]
fn an_output_stays_open() {
    let schema = output::<Thing>();
    assert!(schema.get("additionalProperties").is_none());
    assert_eq!(schema["required"], json!(["count", "inner", "more", "map"]), "what is serialised is always there");
}

#[test]
fn an_input_without_arguments_is_an_empty_object() {
    assert_eq!(input::<crate::NoInput>(), json!({"type": "object", "properties": {}, "additionalProperties": false}));
}
