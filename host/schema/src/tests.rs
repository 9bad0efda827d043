#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::*;

fn output(schema: &Value) -> Result<OutputSchema, SchemaError> {
    OutputSchema::read(&schema.to_string())
}

#[test]
fn results_fit_or_the_place_is_named() {
    let item =
        json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "^[a-z]+$"}}, "required": ["a"]});
    let schema = output(&json!({
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0}, "all": {"type": "array", "items": {"$ref": "#/$defs/item"}}},
        "required": ["n"],
        "$defs": {"item": item},
    }))
    .unwrap();
    schema.check(r#"{"n": 1, "all": [{"a": "x"}, {"a": "y"}]}"#).unwrap();
    for (json, says) in [
        (r#"{"n": -1}"#, "`/n`: is -1: must be at least 0"),
        (r#"{"n": "1"}"#, "`/n`: must be integer"),
        ("{}", "has no member `n`"),
        (r#"{"n": 1, "all": [{"a": "x"}, {"a": "Y"}]}"#, "`/all/1/a`: does not match"),
        ("[]", "must be object"),
        ("{", "no JSON"),
    ] {
        let error = schema.check(json).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn the_dialect_is_honoured() {
    // In 2020-12 `items` follows `prefixItems`; in draft-07 a list of schemas was called `items`.
    let old = output(&json!({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}));
    assert!(old.unwrap().check("[1]").is_err());
    let new = output(&json!({"prefixItems": [{"type": "string"}], "items": false})).unwrap();
    assert!(new.check("[\"a\"]").is_ok() && new.check("[\"a\", 1]").is_err());
    let old = json!({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": true});
    assert!(output(&old).unwrap().check("1").is_err());
    let old = json!({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "type": "null",
        "definitions": {"a": {"type": "string"}}});
    assert!(output(&old).unwrap().check("\"a\"").is_ok(), "up to draft-07 `$ref` stands alone");
    for unknown in [json!("https://example.com/my-dialect"), json!("https://json-schema.org/v1"), json!(7)] {
        let error = output(&json!({"$schema": unknown})).unwrap_err();
        assert!(matches!(error, SchemaError::Dialect(_)), "{error}");
        let input = json!({"$schema": unknown, "type": "object"}).to_string();
        assert!(matches!(check_input(&input), Err(SchemaError::Dialect(_))));
    }
}

#[test]
fn nothing_is_fetched() {
    for reference in ["https://example.com/other.json", "http://127.0.0.1:1/a", "file:///etc/passwd", "other.json#/a"] {
        let schema = json!({"type": "object", "properties": {"a": {"$ref": reference}}}).to_string();
        let error = OutputSchema::read(&schema).unwrap_err();
        assert!(error.to_string().contains("nothing is ever fetched"), "{error}");
        let error = check_input(&schema).unwrap_err();
        assert!(error.to_string().contains("nothing is ever fetched"), "{error}");
    }
    // A name is no address: `properties` may be called as keywords are.
    output(&json!({"properties": {"$ref": {"type": "string"}}, "const": {"$ref": "https://example.com/"}})).unwrap();
}

#[test]
fn documents_within_a_document_may_be_shown_but_not_applied() {
    let part = json!({"$id": "https://example.com/part", "type": "string"});
    let schema = json!({"type": "object", "properties": {"a": {"$ref": "part"}}, "$defs": {"part": part}}).to_string();
    check_input(&schema).unwrap();
    assert!(OutputSchema::read(&schema).unwrap_err().to_string().contains("a document of its own"));
    check_input(r#"{"type": "object", "properties": {"a": {"pattern": "(?=a)b"}}}"#).unwrap();
}

#[test]
fn what_is_no_schema_is_refused() {
    for (bad, says) in [
        (json!({"type": "strnig"}), "no schema of its dialect"),
        (json!({"properties": 7}), "no schema of its dialect"),
        (json!({"minimum": "1"}), "no schema of its dialect"),
        (json!({"pattern": "("}), "no schema of its dialect"),
        (json!({"$ref": "#/$defs/none"}), "`#/$defs/none`"),
        (json!(true), "no JSON object"),
        (json!([]), "no JSON object"),
    ] {
        let error = output(&bad).unwrap_err().to_string();
        assert!(error.contains(says) || error.contains("$defs/none"), "{bad}: {error}");
    }
    assert!(matches!(OutputSchema::read("{"), Err(SchemaError::Json(_))));
    assert!(check_input("{}").unwrap_err().to_string().contains("always an object"));
    check_input(r#"{"type": "object"}"#).unwrap();
}

#[test]
fn schemas_have_bounds() {
    let many: Vec<Value> = (0..5_000).map(|_| json!({})).collect();
    assert!(output(&json!({"prefixItems": many})).unwrap_err().to_string().contains("4096 schemas"));
    let deep = format!("{}{{}}{}", "{\"not\":".repeat(200), "}".repeat(200));
    assert!(matches!(OutputSchema::read(&deep), Err(SchemaError::Json(_))), "as deep as JSON is read");
    output(&json!({"pattern": "(a{1000}){1000}"})).unwrap_err();
}

/// Schemas that would be applied for ever, or as good as.
fn bombs() -> Vec<(&'static str, Value, Value)> {
    let mut defs = serde_json::Map::new();
    for level in 0..60 {
        let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
        defs.insert(format!("l{level}"), json!({"allOf": [next, next]}));
    }
    defs.insert("l60".into(), json!({}));
    let again = json!({"properties": {"x": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, "y": false}});
    let deep = (0..100).fold(json!({"y": 1}), |inner, _| json!({"x": inner}));
    let numbers: Vec<u32> = (0..20_000).collect();
    vec![
        ("doubles", json!({"$ref": "#/$defs/l0", "$defs": defs}), json!(1)),
        ("itself", json!({"$ref": "#"}), json!(1)),
        ("two", json!({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}), json!(1)),
        ("depth", again, deep),
        ("pairs", json!({"uniqueItems": true}), json!(numbers)),
    ]
}

#[test]
fn checking_ends_whatever_schema_and_value_are() {
    for (name, schema, value) in bombs() {
        let error = output(&schema).unwrap().check(&value.to_string()).unwrap_err();
        assert!(error.contains("takes too long"), "{name}: {error}");
    }
    let slow = output(&json!({"pattern": "^(a+)+$"})).unwrap();
    slow.check(&json!(format!("{}b", "a".repeat(5_000))).to_string()).unwrap_err();
}

#[test]
fn the_bound_is_enough_for_ordinary_results() {
    let row = json!({"type": "object", "properties": {"id": {"type": "integer"}, "tags": {"type": "array", "items": {
        "enum": ["a", "b", "c"]}, "uniqueItems": true}}, "required": ["id"], "additionalProperties": false});
    let schema = output(&json!({"type": "array", "items": {"anyOf": [row, {"type": "null"}]}})).unwrap();
    let rows: Vec<Value> = (0..20_000).map(|id| json!({"id": id, "tags": ["a", "b"]})).collect();
    schema.check(&Value::from(rows).to_string()).unwrap();
}
