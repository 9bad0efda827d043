#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tidegate_reference::Digest;

use crate::{JsonError, SignatureError, Statement};

fn good() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "echo@1.0.0", "digest": { "sha256": Digest::of(b"x").to_hex() } }],
        "predicateType": "https://tidegate.dev/attestation/component/v1",
        "predicate": { "name": "echo", "version": "1.0.0" },
    })
}

fn with(pointer: &str, value: Value) -> Result<Statement, SignatureError> {
    let mut changed = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
    Statement::parse(changed.to_string().as_bytes())
}

#[test]
fn a_good_statement_and_back() {
    let statement = Statement::about(&"echo@1.0.0".parse().unwrap(), Digest::of(b"x"));
    assert_eq!(Statement::parse(good().to_string().as_bytes()).unwrap(), statement);
    assert_eq!(Statement::parse(&statement.to_json()).unwrap(), statement);
    assert_eq!(serde_json::from_slice::<Value>(&statement.to_json()).unwrap(), good());
    assert_eq!(statement.reference().to_string(), "echo@1.0.0");
}

#[test]
fn only_our_predicate_counts() {
    for other in [
        "https://tidegate.dev/attestation/component/v2",
        "https://tidegate.dev/attestation/component/v1/",
        "https://tidegate.dev/attestation/revoked/v1",
        "https://slsa.dev/provenance/v1",
        "",
    ] {
        assert!(matches!(with("/predicateType", json!(other)), Err(SignatureError::PredicateType(_))), "{other}");
    }
    let older = with("/_type", json!("https://in-toto.io/Statement/v0.1"));
    assert!(matches!(older, Err(SignatureError::StatementType(_))));
}

#[test]
fn subjects() {
    let subject = good()["subject"][0].clone();
    let many = |count: usize| with("/subject", Value::Array(vec![subject.clone(); count]));
    assert_eq!(many(8).unwrap().subjects.len(), 8);
    for count in [0, 9] {
        assert!(matches!(many(count), Err(SignatureError::Statement(JsonError::Count { .. }))), "{count}");
    }
    let hex = Digest::of(b"x").to_hex();
    let digests = [
        json!({}),
        json!({ "sha512": hex }),
        json!({ "sha256": hex, "sha512": hex }),
        json!({ "sha256": hex.to_uppercase() }),
        json!({ "sha256": "" }),
        json!({ "sha256": format!("sha256:{hex}") }),
        json!(hex),
    ];
    for digest in digests {
        assert!(with("/subject", json!([{ "name": "echo@1.0.0", "digest": digest }])).is_err(), "{digest}");
    }
    let digest = json!({ "sha256": hex });
    assert!(with("/subject", json!([{ "name": "a\nb", "digest": digest }])).is_err());
    assert!(with("/subject", json!([{ "digest": digest }])).is_err());
    assert!(with("/subject", json!([{ "name": "a", "uri": "b", "digest": digest }])).is_err());
}

#[test]
fn nothing_unknown_nothing_wrong() {
    assert_eq!(with("/x", json!(1)), Err(SignatureError::Statement(JsonError::Unknown("x".to_owned()))));
    let unknown = Err(SignatureError::Statement(JsonError::Unknown("predicate.x".to_owned())));
    assert_eq!(with("/predicate/x", json!(1)), unknown);
    for (pointer, value) in
        [("/predicate/name", "Echo"), ("/predicate/version", "1"), ("/predicate/version", "1.0.0+b")]
    {
        assert!(matches!(with(pointer, json!(value)), Err(SignatureError::StatementValue { .. })), "{pointer} {value}");
    }
    let twice = good().to_string().replacen("\"name\":\"echo\"", "\"name\":\"evil\",\"name\":\"echo\"", 1);
    assert!(matches!(Statement::parse(twice.as_bytes()), Err(SignatureError::Statement(JsonError::Syntax(_)))));
}
