//! The signature of an index: that whoever keeps a registry or a mirror made it. It says nothing about the components in
//! it, and the key that makes it lets none in.

use serde_json::json;
use tidegate_bundle::{Claim, ClaimKind, INDEX_PREDICATE, SignatureBundle, SignatureError, Subject};
use tidegate_reference::Digest;

use crate::key::PrivateKey;
use crate::provenance::about;
use crate::public_key::PublicKey;
use crate::sign::{SignError, sign_statement};

/// What the subject of the statement is called.
const SUBJECT: &str = "tidegate-index.json";

/// Why an index does not count where a key is named for its source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexSignatureError {
    /// No signature file, or none that can be read.
    #[error("the signature of the index is not taken")]
    BadFile(#[source] SignatureError),
    /// By somebody else, or about something else and written over.
    #[error(
        "the index was not signed with the key `{0}`, which the configuration names for this source: it was changed or \
         exchanged, or its keeper has a new key"
    )]
    OtherKey(String),
    /// About other bytes, or something else about these.
    #[error("the signature is not about this index, whose digest is {0}: it was changed or exchanged")]
    OtherIndex(Digest),
}

/// The signature file (Sigstore bundle v0.3, JSON) for the index with this digest.
///
/// # Errors
/// The key.
pub fn sign_index(index: Digest, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    let subject = Subject { name: SUBJECT.to_owned(), digest: index };
    sign_statement(about(&[subject], INDEX_PREDICATE, json!({})), key)
}

/// Whether `file` is the signature of `key` over the index with this digest.
///
/// # Errors
/// As [`IndexSignatureError`] says.
pub fn verify_index(index: Digest, file: &[u8], key: &PublicKey) -> Result<(), IndexSignatureError> {
    let signature = SignatureBundle::parse(file).map_err(IndexSignatureError::BadFile)?;
    // What the file says about its key is not asked: there is one that counts.
    if !key.verifies(&signature.envelope.pae(), &signature.envelope.signature) {
        return Err(IndexSignatureError::OtherKey(key.fingerprint()));
    }
    let claim = Claim::parse(&signature.envelope.payload).map_err(IndexSignatureError::BadFile)?;
    match (claim.kind, claim.subjects.as_slice()) {
        (ClaimKind::Index, [only]) if only.digest == index => Ok(()),
        _ => Err(IndexSignatureError::OtherIndex(index)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::public_key::Algorithm;

    #[test]
    fn an_index_counts_with_its_key_its_bytes_and_its_meaning() {
        let index = Digest::of(b"index");
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let (key, other) = (PrivateKey::generate(algorithm).unwrap(), PrivateKey::generate(algorithm).unwrap());
            let file = sign_index(index, &key).unwrap();
            assert_eq!(verify_index(index, &file, &key.public_key()), Ok(()));
            let elsewhere = Digest::of(b"older index");
            let refused = verify_index(elsewhere, &file, &key.public_key());
            assert_eq!(refused, Err(IndexSignatureError::OtherIndex(elsewhere)));
            let refused = verify_index(index, &file, &other.public_key());
            assert_eq!(refused, Err(IndexSignatureError::OtherKey(other.public_key().fingerprint())));
        }
        // The same key, the same bytes, another statement.
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let subject = Subject { name: SUBJECT.to_owned(), digest: index };
        let bom = sign_statement(about(&[subject], tidegate_bundle::CYCLONEDX_PREDICATE, json!({})), &key).unwrap();
        assert_eq!(verify_index(index, &bom, &key.public_key()), Err(IndexSignatureError::OtherIndex(index)));
        assert!(matches!(verify_index(index, b"{}", &key.public_key()), Err(IndexSignatureError::BadFile(_))));
    }
}
