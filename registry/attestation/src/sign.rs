//! Signing.

use tidegate_bundle::{
    Bundle, DSSE_PAYLOAD_TYPE, Envelope, SignatureBundle, Statement, Subject, VerificationMaterial,
    pre_authentication_encoding,
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
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The signature file (Sigstore bundle v0.3, JSON) in which `key` vouches that `bundle` is `reference`.
///
/// The file belongs beside the component, as `NAME.wasm.sigstore.json`. Deterministic for Ed25519.
///
/// # Errors
/// The bundle has a manifest with another name or version; a verifier would refuse the signature.
pub fn sign(bundle: &Bundle, reference: &Reference, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    sign_also(bundle, reference, &[], key)
}

/// As [`sign`], with further subjects: the manifest under which a registry keeps the component, so that tools which know
/// nothing of components find their signature by it.
///
/// # Errors
/// As [`sign`].
pub fn sign_also(
    bundle: &Bundle,
    reference: &Reference,
    also: &[Subject],
    key: &PrivateKey,
) -> Result<Vec<u8>, SignError> {
    if let Some(manifest) = bundle.manifest().map(tidegate_bundle::Manifest::reference)
        && manifest != *reference
    {
        return Err(SignError::OtherManifest { manifest: Box::new(manifest), reference: Box::new(reference.clone()) });
    }
    let mut statement = Statement::about(reference, bundle.digest());
    statement.subjects.extend_from_slice(also);
    sign_payload(statement.to_json(), key)
}

/// The signature file over any in-toto statement, such as an attestation of what a component is made of. It vouches for no
/// component: verifiers of ours take one predicate type for that.
///
/// # Errors
/// [`SignError::Key`].
pub fn sign_payload(payload: Vec<u8>, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    let signature = key.sign(&pre_authentication_encoding(DSSE_PAYLOAD_TYPE, &payload))?;
    let material = VerificationMaterial::PublicKey { hint: key.public_key().fingerprint() };
    Ok(SignatureBundle { material, envelope: Envelope { payload, signature } }.to_json())
}
