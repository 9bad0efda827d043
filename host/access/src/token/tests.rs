//! Tokens signed here with fresh keys, and every way in which one can be wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;
use crate::jwk::KeySet;

const ISSUER: &str = "https://login.example.com";
const RESOURCE: &str = "https://node.example.com/served";
const NOW: f64 = 1_800_000_000.0;

/// Signs what it is given.
struct Signer {
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    fn keys(&self) -> KeySet {
        let point = self.ec.public_key().as_ref();
        let set = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": encode(&point[1..33]), "y": encode(&point[33..])},
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA", "x": encode(self.ed.public_key())},
            {"kty": "EC", "crv": "P-521", "kid": "other", "x": "AA", "y": "AA"},
        ]});
        KeySet::read(set.to_string().as_bytes()).unwrap()
    }

    fn sign(&self, header: &Value, claims: &str) -> String {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims));
        let signature = match header["alg"].as_str() {
            Some("EdDSA") => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            _ => self.ec.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{message}.{}", encode(signature))
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"})
}

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "ada", "aud": RESOURCE, "exp": NOW + 60.0, "scope": "a b", "groups": ["x"]})
}

/// All that the node does with a token, but for the policy.
fn check(keys: &KeySet, token: &str) -> Result<Holder, TokenError> {
    let kinds = ["at+jwt".to_owned()];
    let wanted = Wanted {
        issuer: ISSUER,
        resource: RESOURCE,
        algorithms: &Algorithm::ALL,
        kinds: &kinds,
        leeway: Duration::from_secs(30),
        now: NOW,
    };
    let token = Unverified::read(token)?;
    token.check_head(&wanted)?;
    let key = keys.find(token.key_id.as_deref(), token.algorithm).ok_or(TokenError::UnknownKey)?;
    let (message, signature) = token.signed();
    if !key.verifies(token.algorithm, message, signature) {
        return Err(TokenError::Signature);
    }
    token.holder(&wanted)
}

#[test]
fn a_good_token_says_who_holds_it() {
    let signer = Signer::new();
    let keys = signer.keys();
    for header in [
        header(),
        json!({"alg": "EdDSA", "kid": "ed"}),
        json!({"alg": "ES256", "typ": "application/AT+JWT"}),
        // A key that the token brings along is not looked at.
        json!({"alg": "ES256", "kid": "ec", "jku": "https://evil.example", "jwk": {"kty": "oct", "k": "AA"}, "x5u": "x"}),
    ] {
        let holder = check(&keys, &signer.sign(&header, &claims().to_string())).unwrap();
        assert_eq!((holder.subject.as_str(), holder.scopes.as_slice()), ("ada", &["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(holder.claims["groups"], ["x"]);
    }
}

#[test]
fn every_claim_is_checked() {
    let signer = Signer::new();
    let keys = signer.keys();
    let cases: [(&str, Value, Result<(), TokenError>); 19] = [
        ("aud", json!(["https://other.example", RESOURCE]), Ok(())),
        ("aud", json!(format!("{RESOURCE}/")), Ok(())),
        ("aud", json!("https://node.example.com"), Err(TokenError::Audience)),
        ("aud", json!("https://node.example.com/served/more"), Err(TokenError::Audience)),
        ("aud", json!("HTTPS://node.example.com/served"), Err(TokenError::Audience)),
        ("aud", json!([]), Err(TokenError::Audience)),
        ("aud", Value::Null, Err(TokenError::Claims)),
        ("iss", json!("https://login.example.com/"), Err(TokenError::Issuer)),
        ("exp", json!(NOW - 29.0), Ok(())),
        ("exp", json!(NOW - 30.0), Err(TokenError::Expired)),
        ("exp", json!("1900000000"), Err(TokenError::Claims)),
        ("exp", Value::Null, Err(TokenError::Claims)),
        ("nbf", json!(NOW + 30.0), Ok(())),
        ("nbf", json!(NOW + 31.0), Err(TokenError::NotYet)),
        ("nbf", json!("soon"), Err(TokenError::Claims)),
        ("sub", json!(""), Err(TokenError::Claims)),
        ("sub", Value::Null, Err(TokenError::Claims)),
        ("cnf", json!({"jkt": "x"}), Err(TokenError::Bound)),
        ("iss", json!(7), Err(TokenError::Claims)),
    ];
    for (name, value, expected) in cases {
        let mut claims = claims();
        claims[name] = value.clone();
        let found = check(&keys, &signer.sign(&header(), &claims.to_string()));
        assert_eq!(found.map(drop), expected, "{name}: {value}");
    }
    let twice = claims().to_string().replacen('{', "{\"sub\":\"eve\",", 1);
    assert_eq!(check(&keys, &signer.sign(&header(), &twice)), Err(TokenError::Claims), "a member twice");
}

#[test]
fn every_header_is_checked() {
    let signer = Signer::new();
    let keys = signer.keys();
    let cases = [
        (json!({"alg": "none"}), TokenError::Algorithm),
        (json!({"alg": "None"}), TokenError::Algorithm),
        (json!({"alg": "HS256", "kid": "ec"}), TokenError::Algorithm),
        (json!({"alg": "ES256K", "kid": "ec"}), TokenError::Algorithm),
        (json!({"alg": "ES256", "kid": "unknown"}), TokenError::UnknownKey),
        (json!({"alg": "ES256", "kid": "ed"}), TokenError::UnknownKey),
        (json!({"alg": "RS256", "kid": "ec"}), TokenError::UnknownKey),
        (json!({"alg": "ES256", "kid": "ec", "typ": "JWT"}), TokenError::Type),
        (json!({"alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": false}), TokenError::Critical),
        (json!({"alg": ["ES256"]}), TokenError::Form),
        (json!({"kid": "ec"}), TokenError::Form),
    ];
    for (header, expected) in cases {
        let found = check(&keys, &signer.sign(&header, &claims().to_string()));
        assert_eq!(found, Err(expected), "{header}");
    }
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    use ring::hmac;
    let signer = Signer::new();
    let message = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"ec"}"#), encode(claims().to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, signer.ec.public_key().as_ref()), message.as_bytes());
    let found = check(&signer.keys(), &format!("{message}.{}", encode(tag)));
    assert_eq!(found, Err(TokenError::Algorithm));
    assert!(KeySet::read(br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#).is_err(), "nor is a secret taken as a key");
}

#[test]
fn no_changed_or_broken_token_is_good() {
    let signer = Signer::new();
    let keys = signer.keys();
    let token = signer.sign(&header(), &claims().to_string());
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(check(&keys, &String::from_utf8(changed).unwrap()).is_err(), "changed at {at}");
        assert!(check(&keys, &token[..at]).is_err(), "cut at {at}");
    }
    for wrong in ["", ".", "..", "...", "a.b.c", &format!("{token}."), &format!("{token}="), &format!(" {token}")] {
        assert!(check(&keys, wrong).is_err(), "{wrong}");
    }
    let parts: Vec<&str> = token.split('.').collect();
    assert!(check(&keys, &format!("{}.{}.", parts[0], parts[1])).is_err(), "without a signature");
    assert_eq!(check(&keys, &"a".repeat(LONGEST + 1)), Err(TokenError::TooLong));
    assert_eq!(check(&Signer::new().keys(), &token), Err(TokenError::Signature), "of another key of that name");
}
