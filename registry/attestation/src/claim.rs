//! What else signers say about a component: provenance, bills of materials. None of it lets a component in.

use tidegate_bundle::{Claim, SignatureBundle, SignatureError};
use tidegate_reference::Digest;

use crate::signer::find_signer;
use crate::trust::{Role, TrustRoot};
use crate::verified::Signer;
use crate::verify::VerifyError;

/// A statement about a component's bytes, and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// What is said.
    pub claim: Claim,
    /// Who says it.
    pub signer: Signer,
}

/// Why a statement counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The file cannot be read; see the source.
    #[error("the statement about `{component}` is not taken")]
    BadFile {
        /// What it is about.
        component: String,
        /// Why.
        source: SignatureError,
    },
    /// Nobody we trust made it.
    #[error(transparent)]
    Signer(#[from] VerifyError),
    /// It is about other bytes.
    #[error("the statement by `{signer}` is not about `{component}`, whose digest is {digest}")]
    OtherComponent {
        /// What it should be about.
        component: String,
        /// How policy calls the signer.
        signer: String,
        /// The digest that it does not name.
        digest: Digest,
    },
}

/// Verifies a signature file with a statement about the component that hashes to `digest`: signed by a signer with the
/// role `component`, of a kind that is known. `label` is what messages call the component.
///
/// # Errors
/// As [`ClaimError`] says.
pub fn verify_claim(label: &str, digest: Digest, file: &[u8], trust: &TrustRoot) -> Result<Claimed, ClaimError> {
    let bad_file = |source| ClaimError::BadFile { component: label.to_owned(), source };
    let signature = SignatureBundle::parse(file).map_err(bad_file)?;
    let (signer, by) = find_signer(label, digest, file, &signature, trust)?;
    if !signer.roles.contains(&Role::Component) {
        return Err(VerifyError::Role { component: label.to_owned(), signer: signer.name.clone() }.into());
    }
    let claim = Claim::parse(&signature.envelope.payload).map_err(bad_file)?;
    if claim.subjects.iter().any(|subject| subject.digest == digest) {
        return Ok(Claimed { claim, signer: by });
    }
    Err(ClaimError::OtherComponent { component: label.to_owned(), signer: signer.name.clone(), digest })
}

#[cfg(test)]
mod tests;
