//! A signature file: Sigstore bundle v0.3. Source: `sigstore/protobuf-specs`, `sigstore_bundle.proto`, in its JSON form.
//!
//! One file, one envelope, one signature. The field of the verification material says which kind of trust is meant: a
//! public key, known to the verifier beforehand, or a certificate with evidence about the time of signing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::envelope::Envelope;
use crate::evidence::CertificateMaterial;
use crate::json::{Fields, Json, JsonError};

/// The one media type that is taken.
pub const SIGSTORE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Largest signature file, in bytes: it is parsed before anybody has vouched for it.
pub const MAX_SIGNATURE_BYTES: usize = 256 * 1024;
/// Longest hint, in bytes.
const MAX_HINT: usize = 256;

/// A parsed signature file. Not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureBundle {
    /// How the signer is to be recognised.
    pub material: VerificationMaterial,
    /// What was signed.
    pub envelope: Envelope,
}

/// How the signer is to be recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerificationMaterial {
    /// By a key that the verifier has pinned.
    PublicKey {
        /// Which key, as the signer says: only a hint.
        hint: String,
    },
    /// By a certificate that says who signed, with evidence of when.
    Certificate(CertificateMaterial),
}

/// Why a file is no signature that is taken here. Whoever signed is at fault, or whoever changed the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// More than [`MAX_SIGNATURE_BYTES`].
    #[error("the signature file has {0} bytes, at most {MAX_SIGNATURE_BYTES} are taken")]
    TooBig(usize),
    /// Not the JSON that is expected.
    #[error("the signature file is not a Sigstore bundle v0.3: {0}")]
    Json(#[from] JsonError),
    /// Another version or format.
    #[error("the signature file has media type `{0}`, only `{SIGSTORE_MEDIA_TYPE}` is taken")]
    MediaType(String),
    /// Not base64 with padding.
    #[error("the signature file is damaged: `{0}` is not base64")]
    Base64(String),
    /// A signature over the bytes themselves instead of a statement.
    #[error("the signature is a `messageSignature`, which does not name a component: sign with `tidegate sign`")]
    MessageSignature,
    /// A certificate without an entry in a transparency log.
    #[error(
        "the signature was made with a certificate, but names no entry of a transparency log: nobody could notice a \
         certificate that was stolen or wrongly given; ask the signer to sign with a log (`tidegate sign \
         --identity-token-file`)"
    )]
    NoLogEntry,
    /// An entry that proves nothing.
    #[error("the log entry has no proof of inclusion (`{0}`): ask the signer for a complete signature file")]
    NoInclusionProof(String),
    /// Certificates in the form of older versions.
    #[error("the signature brings a chain of certificates (`x509CertificateChain`): v0.3 has one `certificate`")]
    CertificateChain,
    /// Evidence that would be accepted without being checked.
    #[error(
        "the signature brings `{0}`, which this build cannot check: sign without transparency log and timestamps, as \
         `tidegate sign` does"
    )]
    UncheckedEvidence(&'static str),
    /// Another kind of payload.
    #[error("the signed payload has type `{0}`, only `application/vnd.in-toto+json` is taken")]
    PayloadType(String),
    /// The payload is no statement.
    #[error("the signed payload is not an in-toto statement about a component: {0}")]
    Statement(JsonError),
    /// Another type of statement.
    #[error("the signed payload is a statement of type `{0}`, only `https://in-toto.io/Statement/v1` is taken")]
    StatementType(String),
    /// A statement with another meaning.
    #[error(
        "the statement has predicate type `{0}`, which does not vouch for a component: only \
         `https://tidegate.dev/attestation/component/v1` counts"
    )]
    PredicateType(String),
    /// A statement with another meaning, beside native code.
    #[error(
        "the statement has predicate type `{0}`, which does not vouch for native code: only \
         `https://tidegate.dev/attestation/native-code/v1` counts"
    )]
    NotNativeCode(String),
    /// A statement with another meaning, beside a model.
    #[error(
        "the statement has predicate type `{0}`, which does not vouch for a model: only \
         `https://model_signing/signature/v1.0` counts"
    )]
    NotAModel(String),
    /// A statement that nothing here makes use of.
    #[error(
        "the statement has predicate type `{0}`: provenance (`https://slsa.dev/provenance/v1`) and bills of materials \
         (`https://spdx.dev/Document`, `https://cyclonedx.org/bom`) are read, nothing else"
    )]
    ClaimType(String),
    /// A wrong name, version or digest in the statement.
    #[error("the statement's `{path}` is wrong: {message}")]
    StatementValue {
        /// Which.
        path: String,
        /// What is wrong.
        message: String,
    },
}

impl SignatureBundle {
    /// Parses a signature file strictly.
    ///
    /// # Errors
    /// As [`SignatureError`] says.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        if bytes.len() > MAX_SIGNATURE_BYTES {
            return Err(SignatureError::TooBig(bytes.len()));
        }
        let mut fields = Json::parse(bytes)?.into_fields("")?;
        let media_type = fields.take_string("mediaType")?;
        if media_type != SIGSTORE_MEDIA_TYPE {
            return Err(SignatureError::MediaType(media_type.escape_debug().to_string()));
        }
        let material = VerificationMaterial::from_fields(fields.take_fields("verificationMaterial")?)?;
        if !fields.has("dsseEnvelope") && fields.has("messageSignature") {
            return Err(SignatureError::MessageSignature);
        }
        let envelope = Envelope::from_fields(fields.take_fields("dsseEnvelope")?)?;
        // A second content (`messageSignature` beside the envelope) is left over, and so an unknown field.
        fields.finish()?;
        Ok(Self { material, envelope })
    }

    /// The file of a signature by a key: JSON, one line.
    #[must_use]
    pub fn of_key(hint: &str, envelope: &Envelope) -> Vec<u8> {
        let mut json = serde_json::json!({
            "mediaType": SIGSTORE_MEDIA_TYPE,
            // The empty list says what its absence says, but sigstore-python wants it to be there.
            "verificationMaterial": { "publicKey": { "hint": hint }, "tlogEntries": [] },
            "dsseEnvelope": envelope.to_json(),
        })
        .to_string()
        .into_bytes();
        json.push(b'\n');
        json
    }
}

impl VerificationMaterial {
    fn from_fields(mut fields: Fields) -> Result<Self, SignatureError> {
        if fields.has("x509CertificateChain") {
            return Err(SignatureError::CertificateChain);
        }
        if fields.has("certificate") {
            // A second one (`publicKey` beside the certificate) is left over, and so an unknown field.
            return CertificateMaterial::from_fields(fields).map(Self::Certificate);
        }
        for evidence in ["tlogEntries", "timestampVerificationData"] {
            // Other tools write the empty list and the empty object.
            match fields.take_optional(evidence) {
                None => {}
                Some(Json::Array(entries)) if entries.is_empty() => {}
                Some(Json::Object(entries)) if entries.is_empty() => {}
                Some(_) => return Err(SignatureError::UncheckedEvidence(evidence)),
            }
        }
        let mut key = fields.take_fields("publicKey")?;
        let hint = key.take_string("hint")?;
        if hint.len() > MAX_HINT || hint.chars().any(char::is_control) {
            return Err(JsonError::Type { path: key.path_of("hint"), expected: "a short text" }.into());
        }
        key.finish()?;
        fields.finish()?;
        Ok(Self::PublicKey { hint })
    }
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn from_base64(path: &str, text: &str) -> Result<Vec<u8>, SignatureError> {
    STANDARD.decode(text).map_err(|_| SignatureError::Base64(path.to_owned()))
}

#[cfg(test)]
mod tests;
