#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use crate::{Envelope, JsonError, SignatureBundle, SignatureError, VerificationMaterial};

fn good() -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": { "hint": "SHA256:abc" } },
        "dsseEnvelope": {
            "payload": "e30=",
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{ "sig": "c2ln" }],
        },
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut changed = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = changed.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().insert(key.to_owned(), value);
    changed
}

fn without(pointer: &str) -> Value {
    let mut changed = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    changed
}

fn parse(value: &Value) -> Result<SignatureBundle, SignatureError> {
    SignatureBundle::parse(value.to_string().as_bytes())
}

#[test]
fn a_good_file_and_back() {
    let expected = SignatureBundle {
        material: VerificationMaterial::PublicKey { hint: "SHA256:abc".to_owned() },
        envelope: Envelope { payload: b"{}".to_vec(), signature: b"sig".to_vec() },
    };
    assert_eq!(parse(&good()).unwrap(), expected);
    assert_eq!(SignatureBundle::parse(&SignatureBundle::of_key("SHA256:abc", &expected.envelope)).unwrap(), expected);
    for other_tools in [
        with("/verificationMaterial/tlogEntries", json!([])),
        with("/verificationMaterial/timestampVerificationData", json!({})),
    ] {
        assert_eq!(parse(&other_tools).unwrap(), expected);
    }
}

#[test]
fn every_field_is_needed() {
    for pointer in [
        "/mediaType",
        "/verificationMaterial",
        "/verificationMaterial/publicKey",
        "/verificationMaterial/publicKey/hint",
        "/dsseEnvelope",
        "/dsseEnvelope/payload",
        "/dsseEnvelope/payloadType",
        "/dsseEnvelope/signatures",
    ] {
        let expected = pointer.trim_start_matches('/').replace('/', ".");
        assert_eq!(parse(&without(pointer)), Err(JsonError::Missing(expected).into()));
        assert!(matches!(parse(&with(pointer, Value::Null)), Err(SignatureError::Json(JsonError::Type { .. }))));
    }
}

#[test]
fn no_field_is_unknown() {
    for pointer in ["/x", "/verificationMaterial/x", "/verificationMaterial/publicKey/x", "/dsseEnvelope/x"] {
        let expected = pointer.trim_start_matches('/').replace('/', ".");
        assert_eq!(parse(&with(pointer, json!(1))), Err(JsonError::Unknown(expected).into()));
    }
    let in_signature = with("/dsseEnvelope/signatures", json!([{ "sig": "c2ln", "x": 1 }]));
    assert!(matches!(parse(&in_signature), Err(SignatureError::Json(JsonError::Unknown(_)))));
}

#[test]
fn one_content_and_one_signature() {
    let message = json!({ "messageDigest": { "algorithm": "SHA2_256", "digest": "eA==" }, "signature": "c2ln" });
    assert!(matches!(
        parse(&with("/messageSignature", message.clone())),
        Err(SignatureError::Json(JsonError::Unknown(_)))
    ));
    let mut only_message = without("/dsseEnvelope");
    only_message.as_object_mut().unwrap().insert("messageSignature".to_owned(), message);
    assert_eq!(parse(&only_message), Err(SignatureError::MessageSignature));
    for signatures in [json!([]), json!([{ "sig": "c2ln" }, { "sig": "c2ln" }])] {
        let changed = with("/dsseEnvelope/signatures", signatures);
        assert!(matches!(parse(&changed), Err(SignatureError::Json(JsonError::Count { .. }))));
    }
}

#[test]
fn what_nobody_would_check_is_refused() {
    let log = with("/verificationMaterial/tlogEntries", json!([{ "logIndex": "1" }]));
    assert_eq!(parse(&log), Err(SignatureError::UncheckedEvidence("tlogEntries")));
    let time = with("/verificationMaterial/timestampVerificationData", json!({ "rfc3161Timestamps": [] }));
    assert_eq!(parse(&time), Err(SignatureError::UncheckedEvidence("timestampVerificationData")));
}

#[test]
fn other_types_are_refused() {
    let media_type = with("/mediaType", json!("application/vnd.dev.sigstore.bundle+json;version=0.2"));
    assert!(matches!(parse(&media_type), Err(SignatureError::MediaType(_))));
    for other in ["application/vnd.in-toto+json ", "text/plain", ""] {
        let payload_type = with("/dsseEnvelope/payloadType", json!(other));
        assert!(matches!(parse(&payload_type), Err(SignatureError::PayloadType(_))), "{other}");
    }
    for base64 in ["e30", "e3 0=", "e30=\n", "e31=", "_w==", "e30=e30="] {
        let payload = with("/dsseEnvelope/payload", json!(base64));
        assert_eq!(parse(&payload), Err(SignatureError::Base64("dsseEnvelope.payload".to_owned())), "{base64}");
    }
    let hint = with("/verificationMaterial/publicKey/hint", json!("\x1b[2J"));
    assert!(matches!(parse(&hint), Err(SignatureError::Json(JsonError::Type { .. }))));
    let of_length = |length: usize| parse(&with("/verificationMaterial/publicKey/hint", json!("h".repeat(length))));
    assert!(of_length(256).is_ok());
    assert!(matches!(of_length(257), Err(SignatureError::Json(JsonError::Type { .. }))));
}

#[test]
fn junk_is_refused() {
    let text = good().to_string();
    let twice = text.replacen("\"payload\":", "\"payload\":\"e30=\",\"payload\":", 1);
    assert!(matches!(SignatureBundle::parse(twice.as_bytes()), Err(SignatureError::Json(JsonError::Syntax(_)))));
    assert!(matches!(SignatureBundle::parse(format!("{text}{text}").as_bytes()), Err(SignatureError::Json(_))));
    assert!(matches!(SignatureBundle::parse(format!("[{text}]").as_bytes()), Err(SignatureError::Json(_))));
    for length in 0..text.len() {
        assert!(SignatureBundle::parse(&text.as_bytes()[..length]).is_err(), "cut at {length}");
    }
    let padded = format!("{text}{}", " ".repeat(256 * 1024 - text.len()));
    assert!(SignatureBundle::parse(padded.as_bytes()).is_ok());
    assert_eq!(SignatureBundle::parse(format!("{padded} ").as_bytes()), Err(SignatureError::TooBig(256 * 1024 + 1)));
}
