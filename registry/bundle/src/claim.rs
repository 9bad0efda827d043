//! What else signers say about a component: where it was built, what is in it. None of it is a signature of the
//! component. Sources: in-toto attestation framework, `spec/v1/statement.md`; SLSA v1.0, `provenance`.

use crate::json::Fields;
use crate::sigstore::SignatureError;
use crate::statement::{Subject, open, subjects};

/// Where and how it was built.
pub const PROVENANCE_PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// What it consists of, in SPDX's words.
pub const SPDX_PREDICATE: &str = "https://spdx.dev/Document";
/// What it consists of, in CycloneDX's words.
pub const CYCLONEDX_PREDICATE: &str = "https://cyclonedx.org/bom";
/// That it is the newest index of what a registry or a mirror has.
pub const INDEX_PREDICATE: &str = "https://tidegate.dev/attestation/index/v1";

/// A statement about some bytes that is no signature of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// About which bytes, 1 to [`crate::MAX_SUBJECTS`].
    pub subjects: Vec<Subject>,
    /// What is said.
    pub kind: ClaimKind,
}

/// What is said about the bytes. Everything else counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimKind {
    /// SLSA provenance.
    Provenance {
        /// `runDetails.builder.id`: who built, as an address.
        builder: String,
        /// `buildDefinition.buildType`: how the rest of it is to be read.
        build_type: String,
    },
    /// A bill of materials: SPDX.
    Spdx,
    /// A bill of materials: CycloneDX.
    CycloneDx,
    /// The bytes are no component but the index of a registry or a mirror.
    Index,
}

impl Claim {
    /// Parses a signed payload strictly: the statement's fields all, of the predicate what [`ClaimKind`] has.
    ///
    /// # Errors
    /// As [`SignatureError`] says; a predicate that is not listed above is [`SignatureError::ClaimType`].
    pub fn parse(payload: &[u8]) -> Result<Self, SignatureError> {
        let wrong = SignatureError::Statement;
        let mut fields = open(payload)?;
        let predicate_type = fields.take_string("predicateType").map_err(wrong)?;
        let subjects = subjects(&mut fields)?;
        let predicate = fields.take_fields("predicate").map_err(wrong)?;
        fields.finish().map_err(wrong)?;
        let kind = match predicate_type.as_str() {
            PROVENANCE_PREDICATE => provenance(predicate)?,
            SPDX_PREDICATE => ClaimKind::Spdx,
            CYCLONEDX_PREDICATE => ClaimKind::CycloneDx,
            INDEX_PREDICATE => predicate.finish().map(|()| ClaimKind::Index).map_err(wrong)?,
            other => return Err(SignatureError::ClaimType(other.escape_debug().to_string())),
        };
        Ok(Self { subjects, kind })
    }
}

fn provenance(mut predicate: Fields) -> Result<ClaimKind, SignatureError> {
    let wrong = SignatureError::Statement;
    let mut definition = predicate.take_fields("buildDefinition").map_err(wrong)?;
    let build_type = definition.take_string("buildType").map_err(wrong)?;
    let mut details = predicate.take_fields("runDetails").map_err(wrong)?;
    let mut by = details.take_fields("builder").map_err(wrong)?;
    let builder = by.take_string("id").map_err(wrong)?;
    Ok(ClaimKind::Provenance { builder, build_type })
}

#[cfg(test)]
mod tests;
