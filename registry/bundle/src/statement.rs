//! What a signer says. Source: in-toto attestation framework, `spec/v1/statement.md`.

use std::fmt;
use std::str::FromStr;

use tidegate_reference::{ComponentName, Digest, Reference, Version};

use crate::json::{Fields, Json, JsonError};
use crate::sigstore::SignatureError;

/// Type of the statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The one predicate that vouches for a component. Any other ("revoked", "scanned") says something else about it.
pub const COMPONENT_PREDICATE: &str = "https://tidegate.dev/attestation/component/v1";
/// Most subjects: the component itself and the forms in which registries hold it.
pub const MAX_SUBJECTS: usize = 8;

/// "These bytes are that component": who says so, the signature tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Which bytes, 1 to [`MAX_SUBJECTS`]. One is the component, others the manifests that registries keep it under.
    pub subjects: Vec<Subject>,
    /// Which component.
    pub predicate: Predicate,
}

/// Some bytes and what the signer calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `NAME@VERSION` for the component itself.
    pub name: String,
    /// Their digest.
    pub digest: Digest,
}

/// The component that the signer vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// Its name.
    pub name: ComponentName,
    /// Its version.
    pub version: Version,
}

impl Statement {
    /// The statement about one component.
    #[must_use]
    pub fn about(reference: &Reference, digest: Digest) -> Self {
        Self {
            subjects: vec![Subject { name: reference.to_string(), digest }],
            predicate: Predicate { name: reference.name.clone(), version: reference.version.clone() },
        }
    }

    /// The component that it vouches for.
    #[must_use]
    pub fn reference(&self) -> Reference {
        Reference::new(self.predicate.name.clone(), self.predicate.version.clone())
    }

    /// Parses a signed payload strictly.
    ///
    /// # Errors
    /// As [`SignatureError`] says: not a statement, another predicate, a wrong name or digest.
    pub fn parse(payload: &[u8]) -> Result<Self, SignatureError> {
        let mut fields = open(payload)?;
        let predicate_type = fields.take_string("predicateType").map_err(SignatureError::Statement)?;
        if predicate_type != COMPONENT_PREDICATE {
            return Err(SignatureError::PredicateType(predicate_type.escape_debug().to_string()));
        }
        let subjects = subjects(&mut fields)?;
        let mut predicate = fields.take_fields("predicate").map_err(SignatureError::Statement)?;
        let name = take_parsed(&mut predicate, "name")?;
        let version = take_parsed(&mut predicate, "version")?;
        predicate.finish().and_then(|()| fields.finish()).map_err(SignatureError::Statement)?;
        Ok(Self { subjects, predicate: Predicate { name, version } })
    }

    /// The payload to sign: JSON, one line.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let subject = |subject: &Subject| serde_json::json!({ "name": subject.name, "digest": { "sha256": subject.digest.to_hex() } });
        serde_json::json!({
            "_type": STATEMENT_TYPE,
            "subject": self.subjects.iter().map(subject).collect::<Vec<_>>(),
            "predicateType": COMPONENT_PREDICATE,
            "predicate": { "name": self.predicate.name, "version": self.predicate.version },
        })
        .to_string()
        .into_bytes()
    }
}

/// The fields of a statement, without its type.
pub(crate) fn open(payload: &[u8]) -> Result<Fields, SignatureError> {
    let mut fields = Json::parse(payload).and_then(|json| json.into_fields("")).map_err(SignatureError::Statement)?;
    let statement_type = fields.take_string("_type").map_err(SignatureError::Statement)?;
    if statement_type != STATEMENT_TYPE {
        return Err(SignatureError::StatementType(statement_type.escape_debug().to_string()));
    }
    Ok(fields)
}

/// `subject` of a statement: 1 to [`MAX_SUBJECTS`].
pub(crate) fn subjects(fields: &mut Fields) -> Result<Vec<Subject>, SignatureError> {
    let subjects = fields.take_list("subject", 1, MAX_SUBJECTS).map_err(SignatureError::Statement)?;
    subjects.into_iter().map(Subject::from_fields).collect()
}

// === impl Subject ===

impl Subject {
    fn from_fields(mut fields: Fields) -> Result<Self, SignatureError> {
        let name = fields.take_string("name").map_err(SignatureError::Statement)?;
        if name.len() > 512 || name.chars().any(char::is_control) {
            let path = fields.path_of("name");
            return Err(SignatureError::Statement(JsonError::Type { path, expected: "a short text" }));
        }
        let digest = Self::take_digest(&mut fields)?;
        fields.finish().map_err(SignatureError::Statement)?;
        Ok(Self { name, digest })
    }

    /// `digest` of a resource descriptor, which must have `sha256` and no other.
    pub(crate) fn take_digest(fields: &mut Fields) -> Result<Digest, SignatureError> {
        let mut digest = fields.take_fields("digest").map_err(SignatureError::Statement)?;
        let path = digest.path_of("sha256");
        let hex = digest.take_string("sha256").map_err(SignatureError::Statement)?;
        let value = Digest::from_hex(&hex).map_err(|error| wrong_value(path, &error))?;
        digest.finish().map_err(SignatureError::Statement)?;
        Ok(value)
    }
}

pub(crate) fn take_parsed<T: FromStr<Err: fmt::Display>>(fields: &mut Fields, name: &str) -> Result<T, SignatureError> {
    let text = fields.take_string(name).map_err(SignatureError::Statement)?;
    text.parse().map_err(|error| wrong_value(fields.path_of(name), &error))
}

pub(crate) fn wrong_value(path: String, error: &dyn fmt::Display) -> SignatureError {
    SignatureError::StatementValue { path, message: error.to_string() }
}

#[cfg(test)]
mod tests;
