#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tidegate_reference::Digest;

use crate::{CodeLayout, CodeTarget, NativeStatement, SignatureError, Statement};

fn good() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "echo@1.0.0 for pulley64", "digest": { "sha256": Digest::of(b"code").to_hex() } }],
        "predicateType": "https://tidegate.dev/attestation/native-code/v1",
        "predicate": {
            "component": { "name": "echo", "version": "1.0.0", "digest": { "sha256": Digest::of(b"x").to_hex() } },
            "target": "pulley64",
            "instructions": "baseline",
            "engine": { "name": "wasmtime", "version": "48.0.8" },
            "layout": "compact:64MiB",
        },
    })
}

fn with(pointer: &str, value: Value) -> Result<NativeStatement, SignatureError> {
    let mut changed = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
    NativeStatement::parse(changed.to_string().as_bytes())
}

#[test]
fn a_good_statement_and_back() {
    let statement = NativeStatement {
        code: Digest::of(b"code"),
        component: "echo@1.0.0".parse().unwrap(),
        component_digest: Digest::of(b"x"),
        target: CodeTarget::Pulley64,
        engine: "48.0.8".parse().unwrap(),
        layout: CodeLayout::Compact { max_memory: 64 << 20 },
    };
    assert_eq!(NativeStatement::parse(good().to_string().as_bytes()).unwrap(), statement);
    assert_eq!(serde_json::from_slice::<Value>(&statement.to_json()).unwrap(), good());
}

#[test]
fn it_vouches_for_native_code_only_and_a_components_for_components_only() {
    let native = good().to_string();
    assert!(matches!(Statement::parse(native.as_bytes()), Err(SignatureError::PredicateType(_))));
    let component = Statement::about(&"echo@1.0.0".parse().unwrap(), Digest::of(b"x")).to_json();
    assert!(matches!(NativeStatement::parse(&component), Err(SignatureError::NotNativeCode(_))));
    let next = with("/predicateType", json!("https://tidegate.dev/attestation/native-code/v2"));
    assert!(matches!(next, Err(SignatureError::NotNativeCode(_))));
}

#[test]
fn every_field_must_be_there_and_known() {
    for pointer in [
        "/subject",
        "/predicate/component/name",
        "/predicate/component/version",
        "/predicate/component/digest",
        "/predicate/target",
        "/predicate/instructions",
        "/predicate/engine/name",
        "/predicate/engine/version",
        "/predicate/layout",
    ] {
        let mut less = good();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        less.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        assert!(NativeStatement::parse(less.to_string().as_bytes()).is_err(), "{pointer}");
        assert!(with(pointer, json!(7)).is_err(), "{pointer}");
        // Any name is one; which, is compared later.
        if !pointer.ends_with("component/name") {
            assert!(with(pointer, json!("other")).is_err(), "{pointer}");
        }
    }
    for more in ["/more", "/predicate/more", "/predicate/component/more", "/predicate/engine/more"] {
        assert!(with(more, json!("x")).is_err(), "{more}");
    }
    let subject = good()["subject"][0].clone();
    assert!(with("/subject", json!([subject, subject])).is_err());
    let error = with("/predicate/instructions", json!("avx2")).unwrap_err().to_string();
    assert!(error.contains("predicate.instructions") && error.contains("baseline"), "{error}");
}
