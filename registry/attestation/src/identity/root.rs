//! The library behind [`SigstoreRoot`], and its errors in our words.

use std::fmt::Display;
use std::sync::Arc;

use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Artifact, Bundle, Sha256Hash};
use sigstore_verify::{
    CertificateError, Error, TimestampError, TransparencyLogError, VerificationPolicy, VerificationResult, Verifier,
};
use tidegate_bundle::check_strict_json;
use tidegate_reference::Digest;

use super::{IdentityError, MAX_ROOT_BYTES, Proven, RootError, SigstoreRoot, certificate, provider};

/// Both say the same; the second is newer.
const MEDIA_TYPES: [&str; 2] =
    ["application/vnd.dev.sigstore.trustedroot+json;version=0.1", "application/vnd.dev.sigstore.trustedroot.v0.2+json"];

impl SigstoreRoot {
    /// Reads a `trusted_root.json`, as Sigstore's tools have it.
    ///
    /// # Errors
    /// As [`RootError`] says.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RootError> {
        if bytes.len() > MAX_ROOT_BYTES {
            return Err(RootError::TooBig(bytes.len()));
        }
        check_strict_json(bytes)?;
        provider::install();
        let unusable = |error: &dyn Display| RootError::Unusable(words(error));
        let text = std::str::from_utf8(bytes).map_err(|error| unusable(&error))?;
        let root = TrustedRoot::from_json(text).map_err(|error| unusable(&error))?;
        if !MEDIA_TYPES.contains(&root.media_type.as_str()) {
            return Err(RootError::MediaType(root.media_type.escape_debug().to_string()));
        }
        let parts = [
            (root.certificate_authorities.is_empty(), "certificate authority"),
            (root.tlogs.is_empty(), "transparency log"),
            (root.ctlogs.is_empty(), "certificate log"),
        ];
        if let Some((_, missing)) = parts.into_iter().find(|(empty, _)| *empty) {
            return Err(RootError::Nobody(missing));
        }
        let verifier = Verifier::new(&root).map_err(|error| unusable(&error))?;
        Ok(Self { digest: Digest::of(bytes), verifier: Arc::new(verifier) })
    }

    /// Who is proven to have signed the envelope of `file` over a statement about `digest`. `file` was read strictly
    /// before, so that the library sees the same in it; `certificate` is the one in it.
    pub(crate) fn prove(&self, file: &[u8], certificate: &[u8], digest: Digest) -> Result<Proven, IdentityError> {
        let claim = certificate::read(certificate).map_err(IdentityError::Certificate)?;
        let unsupported = |error: &dyn Display| IdentityError::Unsupported(words(error));
        let text = std::str::from_utf8(file).map_err(|error| unsupported(&error))?;
        let bundle = Bundle::from_json(text).map_err(|error| unsupported(&error))?;
        // Who it is, we compare ourselves; without the name the library can tell the causes apart.
        let policy = VerificationPolicy::any_identity();
        let artifact = Artifact::from(Sha256Hash::new(*digest.as_bytes()));
        let result = self.verifier.verify(artifact, &bundle, &policy).map_err(|error| in_our_words(error, digest))?;
        check_all_done(&result)?;
        let same = result.identity().is_some_and(|name| name.as_str() == claim.identity)
            && result.issuer() == Some(claim.issuer.as_str());
        if same { Ok(Proven { identity: claim.identity, issuer: claim.issuer }) } else { Err(unread()) }
    }
}

/// The library can be told to leave checks out. That none was left out is not taken on trust.
fn check_all_done(result: &VerificationResult) -> Result<(), IdentityError> {
    if !result.certificate_verified() || !result.sct_verified() {
        return Err(IdentityError::Authority("the check of the certificate was not made".to_owned()));
    }
    if !result.tlog_verified() {
        return Err(IdentityError::Log("the check of the log was not made".to_owned()));
    }
    if result.verified_timestamps().is_empty() {
        return Err(IdentityError::Time("there is no signed time".to_owned()));
    }
    Ok(())
}

fn unread() -> IdentityError {
    IdentityError::Certificate("readers differ on whom it names")
}

fn in_our_words(error: Error, digest: Digest) -> IdentityError {
    match error {
        Error::Certificate(CertificateError::NotYetValid { .. } | CertificateError::Expired { .. }) => {
            IdentityError::Expired(words(&error))
        }
        Error::Certificate(CertificateError::ChainInvalid(ref why))
            if why.contains("CertExpired") || why.contains("CertNotValidYet") =>
        {
            IdentityError::Expired(words(&error))
        }
        Error::Certificate(_) => IdentityError::Authority(words(&error)),
        Error::TransparencyLog(TransparencyLogError::EntryMismatch(_) | TransparencyLogError::MalformedEntry(_)) => {
            IdentityError::OtherEntry(words(&error))
        }
        Error::TransparencyLog(TransparencyLogError::IntegratedTime(_)) => IdentityError::Time(words(&error)),
        Error::TransparencyLog(_) => IdentityError::Log(words(&error)),
        Error::Timestamp(TimestampError::NoVerifiedTimestamp(_)) => {
            IdentityError::Time("neither the log's promise nor a time authority says it".to_owned())
        }
        Error::Timestamp(_) => IdentityError::Time(words(&error)),
        Error::SignatureInvalid(_) => IdentityError::Signature,
        Error::ArtifactMismatch(_) => IdentityError::OtherComponent(digest),
        // A checkpoint that is no checkpoint, or not about the root that the proof leads to.
        Error::Bundle(ref inner) if inner.to_string().to_lowercase().contains("checkpoint") => {
            IdentityError::Log(words(&error))
        }
        other => IdentityError::Unsupported(words(&other)),
    }
}

/// The library's words hold parts of the file: nothing in them may act on a terminal.
fn words(error: &dyn Display) -> String {
    let plain = |letter: char| match letter.is_control() {
        true => letter.escape_debug().to_string(),
        false => letter.to_string(),
    };
    error.to_string().chars().map(plain).collect()
}

#[cfg(test)]
mod tests;
