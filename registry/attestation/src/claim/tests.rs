#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_bundle::{ClaimKind, SignatureError, Statement, Subject};
use tidegate_reference::Digest;

use crate::{
    Algorithm, ClaimError, Material, PrivateKey, Provenance, Role, SbomFormat, TrustRoot, TrustedSigner, VerifyError,
    provenance_statement, sbom_statement, sign_statement, verify_claim,
};

fn subjects(bytes: &[u8]) -> Vec<Subject> {
    vec![Subject { name: "a@1.0.0".to_owned(), digest: Digest::of(bytes) }]
}

fn provenance() -> Provenance {
    Provenance {
        builder: "https://ci.example/builder".to_owned(),
        build_type: crate::BUILD_TYPE.to_owned(),
        parameters: [("source".to_owned(), "git+https://git.example/a".to_owned())].into(),
        materials: vec![Material { uri: "pkg:cargo/x@1.0.0".to_owned(), sha256: Some(Digest::of(b"x")), commit: None }],
        invocation: Some("run-7".to_owned()),
        started: Some("2026-01-02T03:04:05Z".to_owned()),
        finished: None,
    }
}

fn trusting(key: &PrivateKey) -> TrustRoot {
    let signer = TrustedSigner {
        name: "ci".to_owned(),
        keys: vec![key.public_key()],
        identities: Vec::new(),
        roles: vec![Role::Component],
    };
    TrustRoot::new(vec![signer]).unwrap()
}

#[test]
fn provenance_and_bills_of_materials_are_signed_and_verified() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let trust = trusting(&key);
    let file = sign_statement(provenance_statement(&subjects(b"a"), &provenance()), &key).unwrap();
    let claimed = verify_claim("a", Digest::of(b"a"), &file, &trust).unwrap();
    assert_eq!(claimed.signer.name(), Some("ci"));
    let expected = ClaimKind::Provenance {
        builder: "https://ci.example/builder".to_owned(),
        build_type: crate::BUILD_TYPE.to_owned(),
    };
    assert_eq!(claimed.claim.kind, expected);
    for (format, kind) in [(SbomFormat::Spdx, ClaimKind::Spdx), (SbomFormat::CycloneDx, ClaimKind::CycloneDx)] {
        let payload = sbom_statement(&subjects(b"a"), format, br#"{"components":[]}"#).unwrap();
        let file = sign_statement(payload, &key).unwrap();
        assert_eq!(verify_claim("a", Digest::of(b"a"), &file, &trust).unwrap().claim.kind, kind);
    }
    assert!(sbom_statement(&subjects(b"a"), SbomFormat::Spdx, br#"{"a":1,"a":2}"#).is_err());
    assert!(sbom_statement(&subjects(b"a"), SbomFormat::Spdx, b"[]").is_err());
}

#[test]
fn a_statement_counts_for_its_bytes_its_signer_and_its_meaning() {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let file = sign_statement(provenance_statement(&subjects(b"a"), &provenance()), &key).unwrap();
    let other = verify_claim("b", Digest::of(b"b"), &file, &trusting(&key));
    assert!(matches!(other, Err(ClaimError::OtherComponent { .. })));
    let stranger = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let refused = verify_claim("a", Digest::of(b"a"), &file, &trusting(&stranger));
    assert!(matches!(refused, Err(ClaimError::Signer(VerifyError::UnknownSigner { .. }))));
    // The signature of the component is no statement about how it was made.
    let payload = Statement::about(&"a@1.0.0".parse().unwrap(), Digest::of(b"a")).to_json();
    let refused = verify_claim("a", Digest::of(b"a"), &sign_statement(payload, &key).unwrap(), &trusting(&key));
    assert!(matches!(refused, Err(ClaimError::BadFile { source: SignatureError::ClaimType(_), .. })));
}
