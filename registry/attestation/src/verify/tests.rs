#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tidegate_bundle::{
    Bundle, DSSE_PAYLOAD_TYPE, Envelope, SignatureBundle, SignatureError, VerificationMaterial, embed_manifest,
    pre_authentication_encoding,
};
use tidegate_reference::{Digest, Reference};

use crate::{
    Algorithm, PrivateKey, PublicKey, Role, SignError, Signer, TrustRoot, TrustedSigner, VerifyError, sign, verify,
};

const MANIFEST: &str = "name = \"echo\"\nversion = \"1.0.0\"\nkind = \"tool\"\n";

fn key() -> PrivateKey {
    PrivateKey::generate(Algorithm::Ed25519).unwrap()
}

fn echo() -> Reference {
    "echo@1.0.0".parse().unwrap()
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn with_manifest() -> Vec<u8> {
    embed_manifest(&component("(component)"), MANIFEST).unwrap()
}

fn bundle(component: Vec<u8>, signatures: Vec<Vec<u8>>) -> Bundle {
    Bundle::new(component, signatures).unwrap().with_origin("echo.wasm")
}

fn signer(name: &str, key: PublicKey, roles: &[Role]) -> TrustedSigner {
    TrustedSigner { name: name.to_owned(), keys: vec![key], identities: Vec::new(), roles: roles.to_vec() }
}

fn trusting(key: &PrivateKey) -> TrustRoot {
    TrustRoot::new(vec![signer("acme", key.public_key(), &[Role::Component])]).unwrap()
}

/// A signature file over any payload and payload type, made with a good key.
fn sign_payload(key: &PrivateKey, payload: &[u8], payload_type: &str) -> Vec<u8> {
    let signature = key.sign(&pre_authentication_encoding(payload_type, payload)).unwrap();
    SignatureBundle::of_key(&key.public_key().fingerprint(), &Envelope { payload: payload.to_vec(), signature })
}

/// A parsed file, written again.
fn rewrite(signature: &SignatureBundle) -> Vec<u8> {
    let VerificationMaterial::PublicKey { hint } = &signature.material else { panic!("{signature:?}") };
    SignatureBundle::of_key(hint, &signature.envelope)
}

fn statement(digest: Digest) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "echo@1.0.0", "digest": { "sha256": digest.to_hex() } }],
        "predicateType": "https://tidegate.dev/attestation/component/v1",
        "predicate": { "name": "echo", "version": "1.0.0" },
    })
}

/// What verification says about the manifest's component with a signed statement that was changed before signing.
fn refusal_of_statement(change: impl FnOnce(&mut Value)) -> VerifyError {
    let (key, component) = (key(), with_manifest());
    let mut statement = statement(Digest::of(&component));
    change(&mut statement);
    let file = sign_payload(&key, statement.to_string().as_bytes(), DSSE_PAYLOAD_TYPE);
    verify(bundle(component, vec![file]), &trusting(&key)).unwrap_err()
}

#[test]
fn both_algorithms_round_trip() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let key = PrivateKey::generate(algorithm).unwrap();
        for component in [with_manifest(), component("(component)")] {
            let file = sign(&bundle(component.clone(), vec![]), &echo(), &key).unwrap();
            let verified = verify(bundle(component.clone(), vec![file]), &trusting(&key)).unwrap();
            assert_eq!(&verified.bytes()[..], &component[..]);
            assert_eq!(verified.digest(), Digest::of(&component));
            assert_eq!(*verified.reference(), echo());
            assert_eq!(verified.roles(), [Role::Component]);
            let fingerprint = key.public_key().fingerprint();
            assert_eq!(*verified.signer(), Signer::PinnedKey { name: "acme".to_owned(), fingerprint });
            assert_eq!(verified.signer().name(), Some("acme"));
        }
    }
}

#[test]
fn the_statement_may_name_other_forms_of_the_component_too() {
    let (key, component) = (key(), with_manifest());
    let mut statement = statement(Digest::of(&component));
    let other = json!({ "name": "registry.example/echo", "digest": { "sha256": Digest::of(b"oci").to_hex() } });
    statement["subject"].as_array_mut().unwrap().insert(0, other);
    let file = sign_payload(&key, statement.to_string().as_bytes(), DSSE_PAYLOAD_TYPE);
    assert!(verify(bundle(component, vec![file]), &trusting(&key)).is_ok());
}

#[test]
fn unsigned_is_refused_and_says_what_to_do() {
    let error = verify(bundle(with_manifest(), vec![]), &trusting(&key())).unwrap_err();
    assert_eq!(error, VerifyError::Unsigned { component: "echo.wasm".to_owned() });
    assert!(error.to_string().contains("`tidegate sign echo.wasm`"), "{error}");
}

#[test]
fn an_unknown_signer_is_refused_and_the_policy_lines_are_shown() {
    let (stranger, component) = (key(), with_manifest());
    let file = sign(&bundle(component.clone(), vec![]), &echo(), &stranger).unwrap();
    for trust in [trusting(&key()), TrustRoot::default()] {
        let error = verify(bundle(component.clone(), vec![file.clone()]), &trust).unwrap_err();
        let hint = stranger.public_key().fingerprint();
        assert_eq!(error, VerifyError::UnknownSigner { component: "echo.wasm".to_owned(), hint: hint.clone() });
        let message = error.to_string();
        assert!(message.contains(&hint) && message.contains("[signers.NAME]"), "{message}");
    }
}

#[test]
fn the_hint_decides_nothing() {
    let (good, stranger, component) = (key(), key(), with_manifest());
    let claim = |by: &PrivateKey, hint: String| {
        let payload = statement(Digest::of(&component)).to_string().into_bytes();
        let signature = by.sign(&pre_authentication_encoding(DSSE_PAYLOAD_TYPE, &payload)).unwrap();
        let file = SignatureBundle::of_key(&hint, &Envelope { payload, signature });
        verify(bundle(component.clone(), vec![file]), &trusting(&good))
    };
    let fingerprint = good.public_key().fingerprint();
    assert!(claim(&good, "anything".to_owned()).is_ok());
    for hint in [fingerprint.clone(), fingerprint.replace("SHA256:", "") + "="] {
        assert!(matches!(claim(&stranger, hint), Err(VerifyError::BadSignature { .. })));
    }
}

#[test]
fn every_changed_byte_of_the_component_is_noticed() {
    let (key, component) = (key(), with_manifest());
    let file = sign(&bundle(component.clone(), vec![]), &echo(), &key).unwrap();
    for i in 0..component.len() {
        let mut changed = component.clone();
        changed[i] ^= 1;
        // What is still a bundle must not verify.
        if let Ok(bundle) = Bundle::new(changed, vec![file.clone()]) {
            assert!(matches!(verify(bundle, &trusting(&key)), Err(VerifyError::OtherComponent { .. })), "byte {i}");
        }
    }
}

#[test]
fn every_changed_byte_of_the_payload_and_the_signature_is_noticed() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let (key, component) = (PrivateKey::generate(algorithm).unwrap(), with_manifest());
        let file = sign(&bundle(component.clone(), vec![]), &echo(), &key).unwrap();
        let good = SignatureBundle::parse(&file).unwrap();
        let refused = |changed: &SignatureBundle| {
            let error = verify(bundle(component.clone(), vec![rewrite(changed)]), &trusting(&key)).unwrap_err();
            assert!(matches!(error, VerifyError::BadSignature { .. }), "{error}");
        };
        for i in 0..good.envelope.payload.len() {
            let mut changed = good.clone();
            changed.envelope.payload[i] ^= 1;
            refused(&changed);
        }
        for i in 0..good.envelope.signature.len() {
            let mut changed = good.clone();
            changed.envelope.signature[i] ^= 1;
            refused(&changed);
        }
        let mut longer = good.clone();
        longer.envelope.signature.push(0);
        refused(&longer);
        let mut none = good;
        none.envelope.signature.clear();
        refused(&none);
    }
}

#[test]
fn an_appended_section_and_an_exchanged_component_are_noticed() {
    let (key, component) = (key(), with_manifest());
    let file = sign(&bundle(component.clone(), vec![]), &echo(), &key).unwrap();
    let mut appended = component.clone();
    appended.extend([0, 2, 1, b'x']);
    let exchanged = embed_manifest(&self::component("(component (component))"), MANIFEST).unwrap();
    for other in [appended, exchanged] {
        let digest = Digest::of(&other);
        let error = verify(bundle(other, vec![file.clone()]), &trusting(&key)).unwrap_err();
        let signed = vec![Digest::of(&component)];
        let (component, signer) = ("echo.wasm".to_owned(), "acme".to_owned());
        assert_eq!(error, VerifyError::OtherComponent { component, signer, digest, signed });
        assert!(error.to_string().contains("changed or exchanged after signing"));
    }
}

#[test]
fn a_truncated_component_is_noticed() {
    let (key, component) = (key(), with_manifest());
    let file = sign(&bundle(component.clone(), vec![]), &echo(), &key).unwrap();
    for length in 0..component.len() {
        let bundle = Bundle::new(&component[..length], vec![file.clone()]);
        assert!(bundle.is_err() || verify(bundle.unwrap(), &trusting(&key)).is_err(), "cut at {length}");
    }
}

#[test]
fn a_signer_needs_the_role() {
    let (key, component) = (key(), with_manifest());
    let file = sign(&bundle(component.clone(), vec![]), &echo(), &key).unwrap();
    for roles in [&[][..], &[Role::NativeCode]] {
        let trust = TrustRoot::new(vec![signer("acme", key.public_key(), roles)]).unwrap();
        let error = verify(bundle(component.clone(), vec![file.clone()]), &trust).unwrap_err();
        assert!(matches!(error, VerifyError::Role { .. }));
        assert!(error.to_string().contains("[signers.acme]"), "{error}");
    }
    let both = [Role::Component, Role::NativeCode];
    let trust = TrustRoot::new(vec![signer("acme", key.public_key(), &both)]).unwrap();
    assert_eq!(verify(bundle(component, vec![file]), &trust).unwrap().roles(), both);
}

#[test]
fn any_key_of_a_signer_signs() {
    let (first, second, component) = (key(), PrivateKey::generate(Algorithm::EcdsaP256).unwrap(), with_manifest());
    let keys = vec![first.public_key(), second.public_key()];
    let acme = TrustedSigner { name: "acme".to_owned(), keys, identities: Vec::new(), roles: vec![Role::Component] };
    let trust = TrustRoot::new(vec![signer("other", key().public_key(), &[Role::Component]), acme]).unwrap();
    for key in [first, second] {
        let file = sign(&bundle(component.clone(), vec![]), &echo(), &key).unwrap();
        assert_eq!(verify(bundle(component.clone(), vec![file]), &trust).unwrap().signer().name(), Some("acme"));
    }
}

#[test]
fn a_statement_with_another_meaning_is_refused() {
    let revoked = refusal_of_statement(|s| s["predicateType"] = json!("https://tidegate.dev/attestation/revoked/v1"));
    assert!(matches!(revoked, VerifyError::BadFile { source: SignatureError::PredicateType(_), .. }));
    let extended = refusal_of_statement(|s| s["predicate"]["x"] = json!(1));
    assert!(matches!(extended, VerifyError::BadFile { source: SignatureError::Statement(_), .. }));
}

#[test]
fn names_must_agree() {
    let subject = refusal_of_statement(|s| s["subject"][0]["name"] = json!("echo@2.0.0"));
    assert!(matches!(subject, VerifyError::Contradiction { .. }), "{subject}");
    let predicate = refusal_of_statement(|s| s["predicate"]["version"] = json!("2.0.0"));
    assert!(matches!(predicate, VerifyError::Contradiction { .. }), "{predicate}");
    let twice = refusal_of_statement(|s| {
        let mut other = s["subject"][0].clone();
        other["name"] = json!("evil@1.0.0");
        s["subject"].as_array_mut().unwrap().push(other);
    });
    assert!(matches!(twice, VerifyError::Contradiction { .. }), "{twice}");
    for (name, version) in [("echo", "2.0.0"), ("evil", "1.0.0")] {
        let manifest = refusal_of_statement(|s| {
            s["subject"][0]["name"] = json!(format!("{name}@{version}"));
            s["predicate"] = json!({ "name": name, "version": version });
        });
        assert!(matches!(manifest, VerifyError::OtherManifest { .. }), "{manifest}");
    }
    let digest = refusal_of_statement(|s| s["subject"][0]["digest"]["sha256"] = json!(Digest::of(b"").to_hex()));
    assert!(matches!(digest, VerifyError::OtherComponent { .. }), "{digest}");
}

#[test]
fn a_signature_for_another_payload_type_is_no_signature_for_ours() {
    let (key, component) = (key(), with_manifest());
    let payload = statement(Digest::of(&component)).to_string();
    let file = sign_payload(&key, payload.as_bytes(), "text/plain");
    let error = verify(bundle(component, vec![file]), &trusting(&key)).unwrap_err();
    assert!(matches!(error, VerifyError::BadSignature { .. }), "{error}");
}

#[test]
fn one_of_several_signatures_is_enough() {
    let (key, component) = (key(), with_manifest());
    let signed_by = |key: &PrivateKey| sign(&bundle(component.clone(), vec![]), &echo(), key).unwrap();
    let (good, stranger) = (signed_by(&key), signed_by(&self::key()));
    let junk = b"junk".to_vec();
    let files = vec![junk.clone(), stranger.clone(), good];
    assert!(verify(bundle(component.clone(), files), &trusting(&key)).is_ok());
    let error = verify(bundle(component.clone(), vec![junk, stranger]), &trusting(&key)).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, VerifyError::NoneCounts { refusals, .. } if refusals.len() == 2));
    assert!(message.contains("not strict JSON") && message.contains("nobody that this node trusts"), "{message}");
}

#[test]
fn signing_under_a_wrong_name_is_refused() {
    let error = sign(&bundle(with_manifest(), vec![]), &"echo@2.0.0".parse().unwrap(), &key()).unwrap_err();
    assert!(matches!(error, SignError::OtherManifest { .. }));
}
