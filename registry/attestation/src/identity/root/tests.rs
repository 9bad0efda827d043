#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT as PUBLIC;

use crate::{MAX_ROOT_BYTES, Role, RootError, SigstoreRoot, TrustError, TrustRoot, TrustedIdentity, TrustedSigner};

fn read(value: &Value) -> Result<SigstoreRoot, RootError> {
    SigstoreRoot::from_json(value.to_string().as_bytes())
}

fn signer(name: &str, identity: &str, issuer: &str) -> TrustedSigner {
    let root = SigstoreRoot::from_json(PUBLIC.as_bytes()).unwrap();
    let identities = vec![TrustedIdentity { identity: identity.to_owned(), issuer: issuer.to_owned(), root }];
    TrustedSigner { name: name.to_owned(), keys: Vec::new(), identities, roles: vec![Role::Component] }
}

#[test]
fn the_public_root_is_read() {
    let root = SigstoreRoot::from_json(PUBLIC.as_bytes()).unwrap();
    assert_eq!(root, SigstoreRoot::from_json(PUBLIC.as_bytes()).unwrap());
    assert_ne!(root, SigstoreRoot::from_json(format!("{PUBLIC} ").as_bytes()).unwrap());
}

#[test]
fn a_trusted_root_is_read_strictly() {
    let whole: Value = serde_json::from_str(PUBLIC).unwrap();
    for part in ["certificateAuthorities", "tlogs", "ctlogs"] {
        let mut less = whole.clone();
        less[part] = json!([]);
        assert!(matches!(read(&less), Err(RootError::Nobody(_))), "{part}");
    }
    let mut other = whole.clone();
    other["mediaType"] = json!("application/vnd.dev.sigstore.trustedroot+json;version=0.3");
    assert!(matches!(read(&other), Err(RootError::MediaType(_))));
    let mut damaged = whole.clone();
    damaged["tlogs"][0]["publicKey"]["rawBytes"] = json!("AAAA");
    assert!(matches!(read(&damaged), Err(RootError::Unusable(_))));
    let mut twice = whole.clone();
    let log = twice["tlogs"][0].clone();
    twice["tlogs"].as_array_mut().unwrap().push(log);
    assert!(matches!(read(&twice), Err(RootError::Unusable(_))));
    let key_twice = PUBLIC.replacen("\"tlogs\"", "\"tlogs\": [], \"tlogs\"", 1);
    assert!(matches!(SigstoreRoot::from_json(key_twice.as_bytes()), Err(RootError::Json(_))));
    let long = vec![b' '; MAX_ROOT_BYTES + 1];
    assert_eq!(SigstoreRoot::from_json(&long), Err(RootError::TooBig(MAX_ROOT_BYTES + 1)));
}

#[test]
fn an_identity_has_one_signer() {
    let one = signer("one", "https://ci.example/a", "https://issuer.example");
    let other = signer("other", "https://ci.example/a", "https://issuer.example");
    assert!(matches!(TrustRoot::new(vec![one.clone(), other]), Err(TrustError::IdentityTwice { .. })));
    for (identity, issuer) in
        [("https://ci.example/b", "https://issuer.example"), ("https://ci.example/a", "https://b.example")]
    {
        assert!(TrustRoot::new(vec![one.clone(), signer("other", identity, issuer)]).is_ok());
    }
}
