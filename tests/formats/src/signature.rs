//! Signature files: a Sigstore bundle, the envelope in it, the statement in that.
//!
//! ```text
//! {"mediaType": ...}      the file; `$payload` is the next part in base64, `$signature` our key's signature over it,
//!                         `$certificate` a certificate of nobody, `$part` the third part in base64
//! ===
//! {"_type": ...}          the payload; `$digest` is that of the component
//! ===
//! ...                     any bytes, for `$part`
//! ```

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
use tidegate_attestation::{
    Role, Signer, SigstoreRoot, TrustRoot, TrustedIdentity, TrustedSigner, verify, verify_claim,
};
use tidegate_bundle::{
    Bundle, COMPONENT_PREDICATE, Claim, ClaimKind, DSSE_PAYLOAD_TYPE, Envelope, MAX_LOG_ENTRIES, MAX_SIGNATURE_BYTES,
    MAX_SUBJECTS, MAX_TIMESTAMPS, SIGSTORE_MEDIA_TYPE, STATEMENT_TYPE, SignatureBundle, Statement,
    VerificationMaterial, pre_authentication_encoding,
};

use crate::input::{DEMO, KEY, filled, parts};
use crate::second;

/// A certificate for signing code, by itself: openssl made it. It names the identity that is trusted.
const CERTIFICATE: &str = include_str!("../certificate.pem");

const KNOWN: &[&str] = &[
    "mediaType",
    "dsseEnvelope.payload",
    "dsseEnvelope.payloadType",
    "dsseEnvelope.signatures[].keyid",
    "dsseEnvelope.signatures[].sig",
    "verificationMaterial.certificate.rawBytes",
    "verificationMaterial.publicKey.hint",
    "verificationMaterial.timestampVerificationData.rfc3161Timestamps[].signedTimestamp",
    "verificationMaterial.tlogEntries[].canonicalizedBody",
    "verificationMaterial.tlogEntries[].inclusionPromise.signedEntryTimestamp",
    "verificationMaterial.tlogEntries[].inclusionProof.checkpoint.envelope",
    "verificationMaterial.tlogEntries[].inclusionProof.hashes[]",
    "verificationMaterial.tlogEntries[].inclusionProof.logIndex",
    "verificationMaterial.tlogEntries[].inclusionProof.rootHash",
    "verificationMaterial.tlogEntries[].inclusionProof.treeSize",
    "verificationMaterial.tlogEntries[].integratedTime",
    "verificationMaterial.tlogEntries[].kindVersion.kind",
    "verificationMaterial.tlogEntries[].kindVersion.version",
    "verificationMaterial.tlogEntries[].logId.keyId",
    "verificationMaterial.tlogEntries[].logIndex",
];

/// One signer by our key, one by a name that the public authorities never certified.
static TRUST: LazyLock<TrustRoot> = LazyLock::new(|| {
    let root = SigstoreRoot::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes()).unwrap();
    let identity = "https://ci.example/acme/tools/release.yml@refs/heads/main".to_owned();
    let identity = TrustedIdentity { identity, issuer: "https://token.ci.example".to_owned(), root };
    let signer = |name: &str, keys, identities| TrustedSigner {
        name: name.to_owned(),
        keys,
        identities,
        roles: vec![Role::Component],
    };
    TrustRoot::new(vec![
        signer("acme", vec![KEY.public_key()], Vec::new()),
        signer("pipeline", Vec::new(), vec![identity]),
    ])
    .unwrap()
});

/// Whether the file or the payload is taken.
pub fn signature(data: &[u8]) -> bool {
    let parts = parts(data);
    let part = |index: usize| parts.get(index).cloned().unwrap_or_default();
    let payload = filled(&part(1), "digest", || DEMO.digest().to_hex());
    let file = filled(&part(0), "payload", || STANDARD.encode(&payload));
    let file = filled(&file, "signature", || {
        STANDARD.encode(KEY.sign(&pre_authentication_encoding(DSSE_PAYLOAD_TYPE, &payload)).unwrap())
    });
    let file = filled(&file, "certificate", || CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect());
    let file = filled(&file, "part", || STANDARD.encode(part(2)));
    let taken = statement(&payload) | claim(&payload);
    let Ok(signature) = SignatureBundle::parse(&file) else {
        assert!(verify(signed(&file), &TRUST).is_err(), "a file that cannot be read counts");
        return taken && part(0).is_empty();
    };
    is_read_one_way(&file, &signature);
    let payload = &signature.envelope.payload;
    statement(payload);
    claim(payload);
    counts_for_what_it_says(&file, &signature);
    true
}

/// The component with this signature file.
fn signed(file: &[u8]) -> Bundle {
    Bundle::new(DEMO.bytes().clone(), vec![file.to_vec()]).unwrap()
}

fn is_read_one_way(file: &[u8], signature: &SignatureBundle) {
    assert!(file.len() <= MAX_SIGNATURE_BYTES);
    second::no_key_twice(file);
    let value = second::json(file);
    second::only_known(&value, KNOWN);
    assert_eq!(value["mediaType"], SIGSTORE_MEDIA_TYPE);
    let envelope = &value["dsseEnvelope"];
    assert_eq!(envelope["payloadType"], DSSE_PAYLOAD_TYPE);
    assert_eq!(decoded(&envelope["payload"]), signature.envelope.payload);
    assert_eq!(envelope["signatures"].as_array().map(Vec::len), Some(1));
    assert_eq!(decoded(&envelope["signatures"][0]["sig"]), signature.envelope.signature);
    let material = &value["verificationMaterial"];
    match &signature.material {
        VerificationMaterial::PublicKey { hint } => {
            assert_eq!(material["publicKey"]["hint"], **hint);
            assert!(hint.len() <= 256 && !hint.chars().any(char::is_control));
            assert!(material.get("certificate").is_none());
            let again = SignatureBundle::parse(&SignatureBundle::of_key(hint, &signature.envelope));
            assert_eq!(again.as_ref(), Ok(signature), "written and read again");
        }
        VerificationMaterial::Certificate(evidence) => {
            assert_eq!(decoded(&material["certificate"]["rawBytes"]), evidence.certificate);
            assert!(material.get("publicKey").is_none());
            assert!((1..=16 * 1024).contains(&evidence.certificate.len()));
            let entries = material["tlogEntries"].as_array().unwrap();
            assert_eq!(entries.len(), evidence.log_entries);
            assert!((1..=MAX_LOG_ENTRIES).contains(&evidence.log_entries) && evidence.timestamps <= MAX_TIMESTAMPS);
            for entry in entries {
                let hashes = entry["inclusionProof"]["hashes"].as_array().map_or(0, Vec::len);
                assert!(hashes <= 64, "a proof of {hashes} hashes");
            }
        }
        other => panic!("nobody knows {other:?}"),
    }
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// What is taken as the statement of a component.
fn statement(payload: &[u8]) -> bool {
    let Ok(statement) = Statement::parse(payload) else { return false };
    assert!((1..=MAX_SUBJECTS).contains(&statement.subjects.len()));
    assert!(statement.subjects.iter().all(|subject| subject.name.len() <= 512));
    second::no_key_twice(payload);
    let written = statement.to_json();
    assert_eq!(second::json(&written), second::json(payload), "all of it was read");
    assert_eq!(Statement::parse(&written).as_ref(), Ok(&statement), "written and read again");
    assert!(Claim::parse(payload).is_err(), "a statement is one thing or the other");
    true
}

/// What is taken as something else that is said of a component.
fn claim(payload: &[u8]) -> bool {
    let Ok(claim) = Claim::parse(payload) else { return false };
    assert!((1..=MAX_SUBJECTS).contains(&claim.subjects.len()));
    second::no_key_twice(payload);
    let value = second::json(payload);
    assert_eq!(value["_type"], STATEMENT_TYPE);
    assert_ne!(value["predicateType"], COMPONENT_PREDICATE);
    for (subject, said) in claim.subjects.iter().zip(value["subject"].as_array().unwrap()) {
        assert_eq!(said["digest"]["sha256"], subject.digest.to_hex());
        assert_eq!(said["name"], *subject.name);
    }
    if let ClaimKind::Provenance { builder, build_type } = &claim.kind {
        assert_eq!(value["predicate"]["runDetails"]["builder"]["id"], **builder);
        assert_eq!(value["predicate"]["buildDefinition"]["buildType"], **build_type);
    }
    true
}

/// A signature counts if our key made it over a statement about this very component, and not otherwise.
fn counts_for_what_it_says(file: &[u8], signature: &SignatureBundle) {
    let Envelope { payload, signature: made } = &signature.envelope;
    let by_us = matches!(signature.material, VerificationMaterial::PublicKey { .. })
        && KEY.public_key().verifies(&pre_authentication_encoding(DSSE_PAYLOAD_TYPE, payload), made);
    let ours = |digest: &Value| digest["sha256"] == DEMO.digest().to_hex();
    let verified = verify(signed(file), &TRUST);
    if let Ok(verified) = &verified {
        assert!(by_us, "a forged signature");
        let said = second::json(payload);
        assert_eq!((&said["predicate"]["name"], &said["predicate"]["version"]), (&"demo".into(), &"1.2.3".into()));
        let subjects: Vec<&Value> =
            said["subject"].as_array().unwrap().iter().filter(|subject| ours(&subject["digest"])).collect();
        assert!(!subjects.is_empty(), "about other bytes");
        assert!(subjects.iter().all(|subject| subject["name"] == "demo@1.2.3"));
        assert!(matches!(verified.signer(), Signer::PinnedKey { name, .. } if name == "acme"));
    }
    let claimed = verify_claim("demo", DEMO.digest(), file, &TRUST);
    if claimed.is_ok() {
        assert!(by_us, "a forged claim");
        assert!(second::json(payload)["subject"].as_array().unwrap().iter().any(|subject| ours(&subject["digest"])));
    }
    assert!(verified.is_err() || claimed.is_err());
    // Where nobody is trusted, nothing counts.
    assert!(verify(signed(file), &TrustRoot::default()).is_err());
}
