#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use crate::{Claim, ClaimKind, SignatureError};

fn claim(predicate_type: &str, predicate: Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "a@1.0.0", "digest": { "sha256": "0".repeat(64) } }],
        "predicateType": predicate_type,
        "predicate": predicate,
    })
}

fn parse(value: &Value) -> Result<Claim, SignatureError> {
    Claim::parse(value.to_string().as_bytes())
}

fn provenance() -> Value {
    json!({
        "buildDefinition": { "buildType": "https://b.example/v1", "externalParameters": { "any": [1, { "x": null }] } },
        "runDetails": { "builder": { "id": "https://b.example" }, "metadata": {} },
    })
}

#[test]
fn three_kinds_are_read() {
    let read = parse(&claim(crate::PROVENANCE_PREDICATE, provenance())).unwrap();
    let expected = ClaimKind::Provenance {
        builder: "https://b.example".to_owned(),
        build_type: "https://b.example/v1".to_owned(),
    };
    assert_eq!((read.kind, read.subjects.len()), (expected, 1));
    assert_eq!(parse(&claim(crate::SPDX_PREDICATE, json!({}))).unwrap().kind, ClaimKind::Spdx);
    assert_eq!(parse(&claim(crate::CYCLONEDX_PREDICATE, json!({}))).unwrap().kind, ClaimKind::CycloneDx);
}

#[test]
fn everything_else_is_refused() {
    for other in ["https://slsa.dev/provenance/v0.2", "https://example.com/revoked/v1", crate::COMPONENT_PREDICATE, ""]
    {
        assert!(matches!(parse(&claim(other, json!({}))), Err(SignatureError::ClaimType(_))), "{other}");
    }
    for pointer in ["/buildDefinition", "/runDetails"] {
        let mut predicate = provenance();
        predicate.as_object_mut().unwrap().remove(pointer.trim_start_matches('/')).unwrap();
        let refused = parse(&claim(crate::PROVENANCE_PREDICATE, predicate));
        assert!(matches!(refused, Err(SignatureError::Statement(_))), "{pointer}");
    }
    let mut more = claim(crate::SPDX_PREDICATE, json!({}));
    more["x"] = json!(1);
    assert!(matches!(parse(&more), Err(SignatureError::Statement(_))));
    let twice = claim(crate::SPDX_PREDICATE, json!({ "a": 1 })).to_string().replace("\"a\":1", "\"a\":1,\"a\":2");
    assert!(matches!(Claim::parse(twice.as_bytes()), Err(SignatureError::Statement(_))));
}
