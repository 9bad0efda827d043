//! Signing.

use tidegate_bundle::{
    Bundle, DSSE_PAYLOAD_TYPE, Envelope, MAX_SUBJECTS, SignatureBundle, Statement, Subject, pre_authentication_encoding,
};
use tidegate_reference::Reference;

use crate::key::{KeyError, PrivateKey};

/// Why a bundle was not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The component calls itself something else.
    #[error("the component's manifest says `{manifest}`, not `{reference}`: sign it as `{manifest}`")]
    OtherManifest {
        /// What the manifest says.
        manifest: Box<Reference>,
        /// What was to be signed.
        reference: Box<Reference>,
    },
    /// More than a verifier reads.
    #[error("the statement would have {0} subjects, at most {MAX_SUBJECTS} are read")]
    Subjects(usize),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The statement that `bundle` is `reference`, to be signed: JSON. `more`: other forms in which registries hold it, such as
/// the manifest of an OCI image.
///
/// # Errors
/// The bundle has a manifest with another name or version, or there are too many subjects; a verifier would refuse the
/// signature.
pub fn statement(bundle: &Bundle, reference: &Reference, more: &[Subject]) -> Result<Vec<u8>, SignError> {
    if let Some(manifest) = bundle.manifest().map(tidegate_bundle::Manifest::reference)
        && manifest != *reference
    {
        return Err(SignError::OtherManifest { manifest: Box::new(manifest), reference: Box::new(reference.clone()) });
    }
    let mut statement = Statement::about(reference, bundle.digest());
    statement.subjects.extend_from_slice(more);
    if statement.subjects.len() > MAX_SUBJECTS {
        return Err(SignError::Subjects(statement.subjects.len()));
    }
    Ok(statement.to_json())
}

/// The signature file (Sigstore bundle v0.3, JSON) in which `key` vouches that `bundle` is `reference`.
///
/// The file belongs beside the component, as `NAME.wasm.sigstore.json`. Deterministic for Ed25519.
///
/// # Errors
/// As [`statement`] says.
pub fn sign(bundle: &Bundle, reference: &Reference, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    sign_statement(statement(bundle, reference, &[])?, key)
}

/// The signature file for an in-toto statement, whatever it says: a component's, or [`crate::provenance_statement`].
///
/// # Errors
/// [`SignError::Key`].
pub fn sign_statement(payload: Vec<u8>, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    let signature = key.sign(&pre_authentication_encoding(DSSE_PAYLOAD_TYPE, &payload))?;
    Ok(SignatureBundle::of_key(&key.public_key().fingerprint(), &Envelope { payload, signature }))
}
