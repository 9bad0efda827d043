//! Statements about how a component was made and what is in it, to be signed. Sources: SLSA v1.0, `provenance`; in-toto
//! attestation framework, `spec/predicates`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tidegate_bundle::{
    CYCLONEDX_PREDICATE, JsonError, PROVENANCE_PREDICATE, SPDX_PREDICATE, STATEMENT_TYPE, Subject, check_strict_json,
};
use tidegate_reference::Digest;

/// How our own builds are to be read: `parameters` are those of `tidegate build`.
pub const BUILD_TYPE: &str = "https://tidegate.dev/build/component/v1";

/// How and from what a component was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Who built: a URI that identifies the machine or the service.
    pub builder: String,
    /// How `parameters` are to be read: a URI, [`BUILD_TYPE`] for our own.
    pub build_type: String,
    /// What was asked for: the source and its revision, the target. No secrets: everybody can read it.
    pub parameters: BTreeMap<String, String>,
    /// What went in: sources and dependencies.
    pub materials: Vec<Material>,
    /// Which run it was, for whoever has the builder's records.
    pub invocation: Option<String>,
    /// When it began, as RFC 3339 has it.
    pub started: Option<String>,
    /// When it ended, as RFC 3339 has it.
    pub finished: Option<String>,
}

/// Something that went into a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// Where it came from: `git+https://...`, `pkg:cargo/...`.
    pub uri: String,
    /// Its digest, if it is known.
    pub sha256: Option<Digest>,
    /// The commit that it is, for sources in Git.
    pub commit: Option<String>,
}

impl Material {
    /// As in-toto v1 describes a resource.
    fn descriptor(&self) -> Value {
        let digests = [("sha256", self.sha256.map(|digest| digest.to_hex())), ("gitCommit", self.commit.clone())];
        let digests: Map<_, _> =
            digests.into_iter().filter_map(|(kind, value)| Some((kind.to_owned(), json!(value?)))).collect();
        match digests.is_empty() {
            true => json!({ "uri": self.uri }),
            false => json!({ "uri": self.uri, "digest": digests }),
        }
    }
}

/// In whose words a bill of materials is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// SPDX, JSON.
    Spdx,
    /// CycloneDX, JSON.
    CycloneDx,
}

/// Why there is nothing to sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not strict JSON.
    #[error("the bill of materials is not taken: {0}")]
    Json(#[from] JsonError),
    /// JSON, but no document.
    #[error("the bill of materials is not a JSON object")]
    NoObject,
}

/// The statement that `subjects` were made in this way: in-toto v1 with SLSA provenance v1, JSON.
#[must_use]
pub fn provenance_statement(subjects: &[Subject], provenance: &Provenance) -> Vec<u8> {
    let mut definition = Map::new();
    definition.insert("buildType".to_owned(), json!(provenance.build_type));
    definition.insert("externalParameters".to_owned(), json!(provenance.parameters));
    if !provenance.materials.is_empty() {
        let materials = provenance.materials.iter().map(Material::descriptor);
        definition.insert("resolvedDependencies".to_owned(), materials.collect());
    }
    let mut metadata = Map::new();
    let times = [("startedOn", &provenance.started), ("finishedOn", &provenance.finished)];
    for (key, value) in [("invocationId", &provenance.invocation)].into_iter().chain(times) {
        if let Some(value) = value {
            metadata.insert(key.to_owned(), json!(value));
        }
    }
    let mut details = Map::new();
    details.insert("builder".to_owned(), json!({ "id": provenance.builder }));
    if !metadata.is_empty() {
        details.insert("metadata".to_owned(), Value::Object(metadata));
    }
    about(subjects, PROVENANCE_PREDICATE, json!({ "buildDefinition": definition, "runDetails": details }))
}

/// The statement that `document`, a bill of materials in JSON, describes `subjects`.
///
/// # Errors
/// As [`StatementError`] says.
pub fn sbom_statement(subjects: &[Subject], format: SbomFormat, document: &[u8]) -> Result<Vec<u8>, StatementError> {
    check_strict_json(document)?;
    let document: Value = serde_json::from_slice(document).map_err(|_| StatementError::NoObject)?;
    if !document.is_object() {
        return Err(StatementError::NoObject);
    }
    let predicate_type = match format {
        SbomFormat::Spdx => SPDX_PREDICATE,
        SbomFormat::CycloneDx => CYCLONEDX_PREDICATE,
    };
    Ok(about(subjects, predicate_type, document))
}

/// An in-toto statement, JSON.
pub(crate) fn about(subjects: &[Subject], predicate_type: &str, predicate: Value) -> Vec<u8> {
    let subject = |subject: &Subject| json!({ "name": subject.name, "digest": { "sha256": subject.digest.to_hex() } });
    json!({
        "_type": STATEMENT_TYPE,
        "subject": subjects.iter().map(subject).collect::<Vec<_>>(),
        "predicateType": predicate_type,
        "predicate": predicate,
    })
    .to_string()
    .into_bytes()
}
