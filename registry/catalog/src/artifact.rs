//! The artifact a component is kept as, and what is attached to it.
//!
//! Sources: the WebAssembly working group's OCI artifact layout (`application/vnd.wasm.config.v0+json`), as `wkg` writes and
//! reads it; OCI image specification 1.1, `manifest.md`; Sigstore's bundles as referrers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_reference::Digest;

use crate::json;

/// Media type of the manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index, a list of referrers for example.
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of the config.
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// Media type of the one layer: the component.
pub const WASM_LAYER: &str = "application/wasm";
/// Media type of a config that says nothing.
pub const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The config that says nothing.
pub const EMPTY_JSON: &[u8] = b"{}";
/// Media type of native code, with its target behind it: so a node asks for its own and sees no other.
const NATIVE_PREFIX: &str = "application/vnd.tidegate.native-code.v1.";
/// Largest manifest that is read, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// Largest config that is read, in bytes: names of imports and exports.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Most entries of a list of referrers that are read.
const MAX_REFERRERS: usize = 10_000;

/// Some bytes in a registry: type, digest and length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What they are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// How many.
    pub size: u64,
    /// For a manifest in a list: the artifact's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Texts for people and tools.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// A component's manifest that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The config.
    pub config: Descriptor,
    /// The component.
    pub layer: Descriptor,
    /// Texts for people and tools.
    pub annotations: BTreeMap<String, String>,
}

/// The config of a component, as `wkg` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// When it was made, RFC 3339.
    pub created: String,
    /// `wasm`.
    pub architecture: String,
    /// The generation of WASI, `wasip2`.
    pub os: String,
    /// Digests of the layers: the component.
    pub layer_digests: Vec<String>,
    /// What the component imports and exports.
    pub component: Option<ConfigComponent>,
}

/// What a component imports and exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigComponent {
    /// Names of exports.
    pub exports: Vec<String>,
    /// Names of imports.
    pub imports: Vec<String>,
    /// The target world; unknown.
    #[serde(default)]
    pub target: Option<String>,
}

/// A list of what is about a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrers {
    schema_version: u64,
    media_type: String,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
}

/// Why bytes are no component's manifest, config or list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// Not the JSON that is expected.
    #[error("the {what} is not what it should be: {message}")]
    Json {
        /// Which document.
        what: &'static str,
        /// What is wrong.
        message: String,
    },
    /// Another kind of artifact.
    #[error(
        "this is no component: its config is `{}`, that of a component is `{WASM_CONFIG}`; publish it with \
         `tidegate publish` or `wkg`", .0.escape_debug()
    )]
    OtherConfig(String),
    /// None, or several.
    #[error("a component has one layer, and this has {0}: what the others are for, nobody can tell; publish it again")]
    Layers(usize),
    /// Compressed, or something else.
    #[error("the layer is `{}`, that of a component is `{WASM_LAYER}`, as it is and not compressed", .0.escape_debug())]
    OtherLayer(String),
    /// The config speaks of another component.
    #[error("the config says that the layer is `{}`, but the manifest says `{layer}`", .config.escape_debug())]
    OtherLayerDigest {
        /// What the config says.
        config: String,
        /// What the manifest says.
        layer: Digest,
    },
    /// A list that is too long.
    #[error("the list of referrers has {0} entries, at most {MAX_REFERRERS} are taken")]
    ManyReferrers(usize),
}

/// The media type of native code for a target, which is attached to the component that it was made from. Its signature is
/// attached there too, as all signatures are.
#[must_use]
pub fn native_type(target: &str) -> String {
    format!("{NATIVE_PREFIX}{target}")
}

/// Whether a media type is that of native code.
#[must_use]
pub fn is_native_type(media_type: &str) -> bool {
    media_type.starts_with(NATIVE_PREFIX)
}

// === impl Descriptor ===

impl Descriptor {
    /// Of these bytes.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self::new(media_type, Digest::of(bytes), size)
    }

    /// From its parts.
    #[must_use]
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        let media_type = media_type.to_owned();
        Self { media_type, digest, size, artifact_type: None, annotations: BTreeMap::new() }
    }
}

// === impl Artifact ===

impl Artifact {
    /// Reads a component's manifest strictly: exactly one layer, uncompressed.
    ///
    /// # Errors
    /// As [`ArtifactError`] says.
    pub fn read(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let document = Document::read(bytes)?;
        if document.config.media_type != WASM_CONFIG {
            return Err(ArtifactError::OtherConfig(document.config.media_type.chars().take(100).collect()));
        }
        let count = document.layers.len();
        let mut layers = document.layers.into_iter();
        let (Some(layer), None) = (layers.next(), layers.next()) else { return Err(ArtifactError::Layers(count)) };
        if layer.media_type != WASM_LAYER {
            return Err(ArtifactError::OtherLayer(layer.media_type.chars().take(100).collect()));
        }
        Ok(Self { config: document.config, layer, annotations: document.annotations })
    }
}

impl Document {
    fn read(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let wrong = |message: String| ArtifactError::Json { what: "manifest", message };
        let document: Self = json::read(bytes).map_err(|error| wrong(error.to_string()))?;
        match (document.schema_version, document.media_type.as_deref()) {
            (2, None | Some(IMAGE_MANIFEST)) => Ok(document),
            (2, Some(other)) => Err(wrong(format!("its media type is `{}`", other.escape_debug()))),
            (version, _) => Err(wrong(format!("its schema version is {version}"))),
        }
    }
}

/// A component's manifest: JSON, in the order in which `wkg` writes it.
#[must_use]
pub fn manifest(config: Descriptor, layer: Descriptor, annotations: BTreeMap<String, String>) -> Vec<u8> {
    let document = Document {
        schema_version: 2,
        media_type: Some(IMAGE_MANIFEST.to_owned()),
        artifact_type: None,
        config,
        layers: vec![layer],
        subject: None,
        annotations,
    };
    // Text, numbers and lists cannot fail to be written.
    serde_json::to_vec(&document).unwrap_or_default()
}

/// The manifest of something that is about another manifest: a signature, an attestation.
#[must_use]
pub fn attached(subject: Descriptor, layer: Descriptor, annotations: BTreeMap<String, String>) -> Vec<u8> {
    let document = Document {
        schema_version: 2,
        media_type: Some(IMAGE_MANIFEST.to_owned()),
        artifact_type: Some(layer.media_type.clone()),
        config: Descriptor::of(EMPTY_TYPE, EMPTY_JSON),
        layers: vec![layer],
        subject: Some(subject),
        annotations,
    };
    serde_json::to_vec(&document).unwrap_or_default()
}

impl Artifact {
    /// Reads the manifest of something attached to `subject`, and gives its one layer, if it has the media type `kind`.
    /// Where the registry keeps no subjects (`subject` is missing), the list that named it is believed: what it leads to is
    /// verified anyway.
    ///
    /// # Errors
    /// As [`ArtifactError`] says.
    pub fn read_attached(bytes: &[u8], subject: &Digest, kind: &str) -> Result<Option<Descriptor>, ArtifactError> {
        let document = Document::read(bytes)?;
        if document.subject.is_some_and(|found| found.digest != *subject) {
            return Ok(None);
        }
        let count = document.layers.len();
        let mut layers = document.layers.into_iter();
        let (Some(layer), None) = (layers.next(), layers.next()) else { return Err(ArtifactError::Layers(count)) };
        Ok(Some(layer).filter(|layer| layer.media_type == kind))
    }
}

// === impl Config ===

impl Config {
    /// The config of a component. `created`: RFC 3339.
    #[must_use]
    pub fn new(created: String, layer: &Digest, imports: &[String], exports: &[String]) -> Self {
        Self {
            created,
            architecture: "wasm".to_owned(),
            os: "wasip2".to_owned(),
            layer_digests: vec![layer.to_string()],
            component: Some(ConfigComponent { exports: exports.to_vec(), imports: imports.to_vec(), target: None }),
        }
    }

    /// Reads a config; it must be about `layer`.
    ///
    /// # Errors
    /// As [`ArtifactError`] says.
    pub fn read(bytes: &[u8], layer: &Digest) -> Result<Self, ArtifactError> {
        let wrong = |error: serde_json::Error| ArtifactError::Json { what: "config", message: error.to_string() };
        let config: Self = json::read(bytes).map_err(wrong)?;
        match config.layer_digests.as_slice() {
            [only] if *only == layer.to_string() => Ok(config),
            other => Err(ArtifactError::OtherLayerDigest {
                config: other.join(", ").chars().take(200).collect(),
                layer: *layer,
            }),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

// === impl Referrers ===

impl Referrers {
    /// Of these.
    #[must_use]
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: IMAGE_INDEX.to_owned(), manifests }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// As [`ArtifactError`] says.
    pub fn read(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let wrong = |message: String| ArtifactError::Json { what: "list of referrers", message };
        let list: Self = json::read(bytes).map_err(|error| wrong(error.to_string()))?;
        if list.schema_version != 2 || list.media_type != IMAGE_INDEX {
            return Err(wrong("it is no OCI image index".to_owned()));
        }
        if list.manifests.len() > MAX_REFERRERS {
            return Err(ArtifactError::ManyReferrers(list.manifests.len()));
        }
        Ok(list)
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The tag under which registries without the referrers API keep that list; distribution specification 1.1, "Referrers Tag
/// Schema".
#[must_use]
pub fn fallback_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.to_hex())
}
