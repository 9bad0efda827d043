//! What a signer of a model says. Source: OpenSSF model signing, `docs/model_signing_format.md` and `signing.py` of
//! `sigstore/model-transparency` v1: an in-toto statement that lists every file with its digest.

use tidegate_reference::{Digest, Hasher};

use crate::model::MAX_MODEL_FILES;
use crate::sigstore::SignatureError;
use crate::statement::{open, subjects, wrong_value};

/// The one predicate that vouches for a model: that of OpenSSF model signing v1.0. It vouches for no component.
pub const MODEL_PREDICATE: &str = "https://model_signing/signature/v1.0";
/// Files of a statement: those of a model, its manifest, and what else lay in the folder.
const MAX_RESOURCES: usize = 2 * MAX_MODEL_FILES;

/// "These files are that model": who says so, the signature tells.
///
/// ```json
/// {
///   "_type": "https://in-toto.io/Statement/v1",
///   "subject": [{ "name": "stories@1.0.0", "digest": { "sha256": "(of the digests of all files, in their order)" } }],
///   "predicateType": "https://model_signing/signature/v1.0",
///   "predicate": {
///     "serialization": { "method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": [] },
///     "resources": [{ "name": "model.toml", "algorithm": "sha256", "digest": "..." }]
///   }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStatement {
    /// What the signer calls it: `NAME@VERSION` with our tools, the folder's name with others'. Says nothing.
    pub subject: String,
    /// Every file, sorted by name.
    pub files: Vec<(String, Digest)>,
}

impl ModelStatement {
    /// The digest of the whole: of the digests of all files, in the order of their names.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for (_, digest) in &self.files {
            hasher.update(digest.as_bytes());
        }
        hasher.finish()
    }

    /// Parses a signed payload strictly; the serialization's details apart, which say how the signer looked for files.
    ///
    /// # Errors
    /// As [`SignatureError`] says: not a statement, another predicate, other hashes than whole files' SHA-256, a digest that is
    /// not that of the files.
    pub fn parse(payload: &[u8]) -> Result<Self, SignatureError> {
        let wrong = SignatureError::Statement;
        let mut fields = open(payload)?;
        let predicate_type = fields.take_string("predicateType").map_err(wrong)?;
        if predicate_type != MODEL_PREDICATE {
            return Err(SignatureError::NotAModel(predicate_type.escape_debug().to_string()));
        }
        let subject = match subjects(&mut fields)?.as_slice() {
            [only] => only.clone(),
            many => {
                return Err(wrong_value("subject".to_owned(), &format_args!("it has {} entries, not one", many.len())));
            }
        };
        let mut predicate = fields.take_fields("predicate").map_err(wrong)?;
        let mut serialization = predicate.take_fields("serialization").map_err(wrong)?;
        for (name, only) in [("method", "files"), ("hash_type", "sha256")] {
            let text = serialization.take_string(name).map_err(wrong)?;
            if text != only {
                return Err(wrong_value(serialization.path_of(name), &format_args!("only `{only}` is known here")));
            }
        }
        let mut files = Vec::new();
        for mut resource in predicate.take_list("resources", 1, MAX_RESOURCES).map_err(wrong)? {
            let name = resource.take_string("name").map_err(wrong)?;
            let algorithm = resource.take_string("algorithm").map_err(wrong)?;
            if algorithm != "sha256" {
                return Err(wrong_value(resource.path_of("algorithm"), &format_args!("only `sha256` is known here")));
            }
            let hex = resource.take_string("digest").map_err(wrong)?;
            let digest = Digest::from_hex(&hex).map_err(|error| wrong_value(resource.path_of("digest"), &error))?;
            resource.finish().map_err(wrong)?;
            files.push((name, digest));
        }
        predicate.finish().and_then(|()| fields.finish()).map_err(wrong)?;
        if !files.is_sorted_by(|(one, _), (other, _)| one < other) {
            let message = "the files are not sorted by name, or one stands twice";
            return Err(wrong_value("predicate.resources".to_owned(), &message));
        }
        let statement = Self { subject: subject.name, files };
        if statement.digest() != subject.digest {
            let message = "it is not the digest of the files that the statement lists";
            return Err(wrong_value("subject[0].digest".to_owned(), &message));
        }
        Ok(statement)
    }

    /// The payload to sign: JSON, one line.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let resource = |(name, digest): &(String, Digest)| serde_json::json!({ "name": name, "algorithm": "sha256", "digest": digest.to_hex() });
        serde_json::json!({
            "_type": crate::STATEMENT_TYPE,
            "subject": [{ "name": self.subject, "digest": { "sha256": self.digest().to_hex() } }],
            "predicateType": MODEL_PREDICATE,
            "predicate": {
                "serialization": {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": false,
                    "ignore_paths": [],
                },
                "resources": self.files.iter().map(resource).collect::<Vec<_>>(),
            },
        })
        .to_string()
        .into_bytes()
    }
}

#[cfg(test)]
mod tests;
