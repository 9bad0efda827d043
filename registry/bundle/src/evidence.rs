//! What comes with a certificate: entries of a transparency log and signed times. Source: `sigstore/protobuf-specs`,
//! `sigstore_rekor.proto` and `sigstore_common.proto`, in their JSON form.
//!
//! Only the form is read here, every field of it, so that no two readers see different things in one file. What the
//! evidence is worth, `tidegate-attestation` decides.

use crate::json::{Fields, Json, JsonError};
use crate::sigstore::{SignatureError, from_base64};

/// Most entries of transparency logs: each costs signatures and hashes.
pub const MAX_LOG_ENTRIES: usize = 8;
/// Most signed times.
pub const MAX_TIMESTAMPS: usize = 8;
/// Longest path of a Merkle tree of 2^64 leaves.
const MAX_HASHES: usize = 64;
/// Largest certificate, in bytes: they have about 1,000.
const MAX_CERTIFICATE: usize = 16 * 1024;

/// A certificate and how much evidence came with it. Nothing of it was checked but its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateMaterial {
    /// The signer's certificate, DER.
    pub certificate: Vec<u8>,
    /// Entries of transparency logs, 1 to [`MAX_LOG_ENTRIES`], each with a proof of inclusion.
    pub log_entries: usize,
    /// Signed times (RFC 3161), at most [`MAX_TIMESTAMPS`].
    pub timestamps: usize,
}

impl CertificateMaterial {
    pub(crate) fn from_fields(mut fields: Fields) -> Result<Self, SignatureError> {
        let mut certificate = fields.take_fields("certificate")?;
        let path = certificate.path_of("rawBytes");
        let der = take_base64(&mut certificate, "rawBytes")?;
        if der.is_empty() || der.len() > MAX_CERTIFICATE {
            return Err(JsonError::Type { path, expected: "a certificate of at most 16 KiB" }.into());
        }
        certificate.finish()?;
        let log_entries = log_entries(&mut fields)?;
        let timestamps = timestamps(&mut fields)?;
        fields.finish()?;
        Ok(Self { certificate: der, log_entries, timestamps })
    }
}

fn log_entries(fields: &mut Fields) -> Result<usize, SignatureError> {
    match fields.take_optional("tlogEntries") {
        None => return Err(SignatureError::NoLogEntry),
        Some(Json::Array(entries)) if entries.is_empty() => return Err(SignatureError::NoLogEntry),
        Some(other) => fields.put_back("tlogEntries", other),
    }
    let entries = fields.take_list("tlogEntries", 1, MAX_LOG_ENTRIES)?;
    let count = entries.len();
    entries.into_iter().try_for_each(log_entry)?;
    Ok(count)
}

/// `TransparencyLogEntry`.
fn log_entry(mut entry: Fields) -> Result<(), SignatureError> {
    take_number(&mut entry, "logIndex")?;
    let mut log = entry.take_fields("logId")?;
    take_base64(&mut log, "keyId")?;
    log.finish()?;
    let mut kind = entry.take_fields("kindVersion")?;
    kind.take_string("kind")?;
    kind.take_string("version")?;
    kind.finish()?;
    take_number(&mut entry, "integratedTime")?;
    if entry.has("inclusionPromise") {
        let mut promise = entry.take_fields("inclusionPromise")?;
        take_base64(&mut promise, "signedEntryTimestamp")?;
        promise.finish()?;
    }
    if !entry.has("inclusionProof") {
        return Err(SignatureError::NoInclusionProof(entry.path_of("inclusionProof")));
    }
    let mut proof = entry.take_fields("inclusionProof")?;
    take_number(&mut proof, "logIndex")?;
    take_number(&mut proof, "treeSize")?;
    take_base64(&mut proof, "rootHash")?;
    let path = proof.path_of("hashes");
    for hash in proof.take_texts("hashes", MAX_HASHES)? {
        from_base64(&path, &hash)?;
    }
    let mut checkpoint = proof.take_fields("checkpoint")?;
    checkpoint.take_string("envelope")?;
    checkpoint.finish()?;
    proof.finish()?;
    take_base64(&mut entry, "canonicalizedBody")?;
    Ok(entry.finish()?)
}

/// `TimestampVerificationData`, which may be missing or empty.
fn timestamps(fields: &mut Fields) -> Result<usize, SignatureError> {
    if !fields.has("timestampVerificationData") {
        return Ok(0);
    }
    let mut data = fields.take_fields("timestampVerificationData")?;
    let tokens = match data.has("rfc3161Timestamps") {
        true => data.take_list("rfc3161Timestamps", 0, MAX_TIMESTAMPS)?,
        false => Vec::new(),
    };
    let count = tokens.len();
    for mut token in tokens {
        take_base64(&mut token, "signedTimestamp")?;
        token.finish()?;
    }
    data.finish()?;
    Ok(count)
}

fn take_base64(fields: &mut Fields, name: &str) -> Result<Vec<u8>, SignatureError> {
    from_base64(&fields.path_of(name), &fields.take_string(name)?)
}

/// A 64-bit number: in Protocol Buffers' JSON a string of digits, or missing where it is 0.
fn take_number(fields: &mut Fields, name: &str) -> Result<(), SignatureError> {
    if !fields.has(name) {
        return Ok(());
    }
    let text = fields.take_string(name)?;
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    if plain && text.parse::<i64>().is_ok() {
        return Ok(());
    }
    Err(JsonError::Type { path: fields.path_of(name), expected: "a number in digits, as a string" }.into())
}
