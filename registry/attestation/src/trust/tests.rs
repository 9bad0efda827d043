#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::{Algorithm, PrivateKey, PublicKey, Role, TrustError, TrustRoot, TrustedSigner};

fn signer(name: &str, keys: &[&PublicKey]) -> TrustedSigner {
    let keys = keys.iter().copied().cloned().collect();
    TrustedSigner { name: name.to_owned(), keys, identities: Vec::new(), roles: vec![Role::Component] }
}

#[test]
fn it_is_clear_whose_policy_applies() {
    let key = || PrivateKey::generate(Algorithm::Ed25519).unwrap().public_key();
    let (a, b) = (key(), key());
    assert_eq!(TrustRoot::new(vec![]).unwrap(), TrustRoot::default());
    assert!(TrustRoot::new(vec![signer("x", &[&a]), signer("y", &[&b])]).is_ok());
    let same_name = TrustRoot::new(vec![signer("x", &[&a]), signer("x", &[&b])]);
    assert_eq!(same_name, Err(TrustError::NameTwice("x".to_owned())));
    let same_key = TrustRoot::new(vec![signer("x", &[&a]), signer("y", &[&b, &a])]);
    assert!(matches!(same_key, Err(TrustError::KeyTwice { first, second, .. }) if first == "x" && second == "y"));
    assert_eq!(TrustRoot::new(vec![signer("x", &[])]), Err(TrustError::NoKey("x".to_owned())));
}

#[test]
fn roles_have_names() {
    for role in [Role::Component, Role::NativeCode, Role::Model] {
        assert_eq!(role.to_string().parse::<Role>(), Ok(role));
    }
    assert!("admin".parse::<Role>().unwrap_err().to_string().contains("native-code"));
}
