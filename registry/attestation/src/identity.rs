//! Signers by identity: a certificate that says who signed, from an authority that we trust, with evidence of when.
//!
//! Everything is checked offline against a `trusted_root.json`. The library checks the chain to an authority that was
//! trusted at the time, the certificate log's promise, the proof of inclusion with the log's checkpoint, the log's
//! promise, each signed time, and that the log entry is about this very envelope. Around it: one way to read the files,
//! one name and one issuer in the certificate, exact comparison.

#[cfg(feature = "identity")]
mod certificate;
#[cfg(feature = "keyless")]
mod one_time;
#[cfg(feature = "identity")]
mod provider;
#[cfg(feature = "identity")]
mod root;

use std::fmt;
#[cfg(feature = "identity")]
use std::sync::Arc;

use tidegate_bundle::JsonError;
use tidegate_reference::Digest;

/// Largest trusted root, in bytes: the public one has about 7,000.
pub const MAX_ROOT_BYTES: usize = 1024 * 1024;

/// Whom to believe by name: both are compared whole, letter by letter, upper and lower case apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIdentity {
    /// The name in the certificate: an e-mail address, or a URI such as that of a workflow.
    pub identity: String,
    /// Who vouched for the name: the address of an OpenID Connect provider.
    pub issuer: String,
    /// The authorities that may say so.
    pub root: SigstoreRoot,
}

/// Authorities for certificates and times, and the logs: a parsed `trusted_root.json`, the public one or a private one.
/// Equal roots are equal values. Cloning is cheap.
#[derive(Clone)]
pub struct SigstoreRoot {
    digest: Digest,
    #[cfg(feature = "identity")]
    verifier: Arc<sigstore_verify::Verifier>,
}

/// Why a file is no trusted root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// More than [`MAX_ROOT_BYTES`].
    #[error("the trusted root has {0} bytes, at most {MAX_ROOT_BYTES} are taken")]
    TooBig(usize),
    /// Not the JSON that is expected.
    #[error("the trusted root is not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// Something else, or another version.
    #[error(
        "the trusted root has media type `{0}`: only `application/vnd.dev.sigstore.trustedroot+json;version=0.1` and \
         `application/vnd.dev.sigstore.trustedroot.v0.2+json` are taken"
    )]
    MediaType(String),
    /// Nobody could be verified with it.
    #[error("the trusted root names no {0}: without one no signature could be verified")]
    Nobody(&'static str),
    /// Keys or certificates in it cannot be used.
    #[error("the trusted root cannot be used: {0}")]
    Unusable(String),
    /// A build for pinned keys only.
    #[error("this build has no identity trust: use a signer with a `public-key`")]
    NotAvailable,
}

/// Why a certificate and its evidence prove nothing. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// What the certificate itself says cannot count.
    #[error("the certificate is not taken: {0}; ask the signer to sign again with an identity")]
    Certificate(&'static str),
    /// Nobody that is trusted gave the certificate, or the certificate log does not know it.
    #[error("the certificate does not come from an authority of the trusted root: {0}")]
    Authority(String),
    /// The certificate was too old or too new.
    #[error("the certificate was not valid at the time of signing: {0}")]
    Expired(String),
    /// No log that is trusted has the signature.
    #[error("the signature is not proven to be in a transparency log of the trusted root: {0}")]
    Log(String),
    /// An entry about something else.
    #[error("the log entry is about another signature: {0}")]
    OtherEntry(String),
    /// Nothing, or nobody that is trusted, says when.
    #[error("nothing that the trusted root knows proves when it was signed: {0}")]
    Time(String),
    /// Not made with the certificate's key over this statement.
    #[error(
        "the signature was not made with the certificate's key over this statement: the signature file was changed"
    )]
    Signature,
    /// A good signature, but over other bytes.
    #[error(
        "it is not what was signed: its digest is {0}, and the statement is about others; the file was changed or exchanged \
         after signing, get both files again from the publisher"
    )]
    OtherComponent(Digest),
    /// Something that this build does not know.
    #[error("the signature file is not taken: {0}")]
    Unsupported(String),
    /// A build for pinned keys only.
    #[error(
        "it is signed with a certificate (an identity), and this build knows pinned keys only: ask the publisher for a \
         signature by a key, and trust that key"
    )]
    NotAvailable,
}

/// Somebody who is proven to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) identity: String,
    pub(crate) issuer: String,
}

#[cfg(not(feature = "identity"))]
impl SigstoreRoot {
    /// Reads a `trusted_root.json`.
    ///
    /// # Errors
    /// Always: this build has no identity trust.
    pub fn from_json(_: &[u8]) -> Result<Self, RootError> {
        Err(RootError::NotAvailable)
    }

    pub(crate) fn prove(&self, _: &[u8], _: &[u8], _: Digest) -> Result<Proven, IdentityError> {
        Err(IdentityError::NotAvailable)
    }
}

/// Who a certificate says that signed. Proves nothing.
pub(crate) fn claimed(certificate: &[u8]) -> Option<Proven> {
    #[cfg(feature = "identity")]
    let claimed = certificate::read(certificate).ok();
    #[cfg(feature = "identity")]
    return claimed.map(|claim| Proven { identity: claim.identity, issuer: claim.issuer });
    #[cfg(not(feature = "identity"))]
    {
        let _ = certificate;
        None
    }
}

/// Makes this crate's cryptography that of the signing library, which makes one-time keys with it.
#[cfg(feature = "keyless")]
pub fn install_one_time_keys() {
    provider::install();
}

// === impl SigstoreRoot ===

impl PartialEq for SigstoreRoot {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for SigstoreRoot {}

impl fmt::Debug for SigstoreRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigstoreRoot({})", self.digest)
    }
}
