//! What a manifest must be for a registry to keep it. Sources: OCI image specification 1.1 (`manifest.md`, `image-index.md`,
//! `descriptor.md`); the two Docker types of schema 2 have the same form.

use std::collections::BTreeMap;

use serde::Deserialize;
use tidegate_reference::Digest;

use crate::artifact::{IMAGE_INDEX, IMAGE_MANIFEST, MAX_MANIFEST_BYTES};
use crate::json;

/// Most layers, or manifests of an index: each is looked up.
const MAX_DESCRIPTORS: usize = 1_000;
/// Most bytes of annotations: they stand in every list of referrers.
const MAX_ANNOTATIONS: usize = 64 << 10;

/// The Docker types of the same form.
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What a manifest names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// Config and layers, with their sizes: the repository must have them.
    pub blobs: Vec<(Digest, u64)>,
    /// The manifests of an index: the repository must have them.
    pub manifests: Vec<Digest>,
    /// What it is about; it may come later, or never.
    pub subject: Option<Digest>,
    /// The artifact's type; the config's media type where none is set.
    pub artifact_type: Option<String>,
    /// For the list of referrers.
    pub annotations: BTreeMap<String, String>,
}

/// Why bytes are no manifest that is kept. Whoever pushes is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutlineError {
    /// More than [`Outline::MAX_BYTES`].
    #[error("the manifest has more than {MAX_MANIFEST_BYTES} bytes ({0}): put what is large into a layer")]
    TooBig(usize),
    /// Something that is not kept.
    #[error(
        "the media type `{}` is no manifest that is kept here: push `{IMAGE_MANIFEST}` or `{IMAGE_INDEX}`",
        .0.escape_debug()
    )]
    MediaType(String),
    /// Header and body differ.
    #[error("the manifest says that it is `{}`, the request's `Content-Type` says `{header}`", .body.escape_debug())]
    Contradiction {
        /// What the header says.
        header: String,
        /// What the body says.
        body: String,
    },
    /// Not the JSON that is expected.
    #[error("the manifest is not what its media type says: {0}")]
    Json(String),
    /// Another version of the format.
    #[error("the manifest has schema version {0}, only 2 is kept")]
    Schema(u64),
    /// A descriptor's digest.
    #[error("`{field}` names `{}`, which is no digest that is kept here: only `sha256:` and 64 lower-case hexadecimal digits", .digest.escape_debug())]
    Digest {
        /// Where.
        field: &'static str,
        /// What stands there.
        digest: String,
    },
    /// A descriptor's media type.
    #[error("`{field}` has no media type, or one that is none")]
    DescriptorType {
        /// Where.
        field: &'static str,
    },
    /// Too many to look up.
    #[error("the manifest has {0} layers or manifests, at most {MAX_DESCRIPTORS} are taken")]
    ManyDescriptors(usize),
    /// Too much for lists.
    #[error("the manifest has {0} bytes of annotations, at most {MAX_ANNOTATIONS} are taken")]
    ManyAnnotations(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

impl Outline {
    /// Largest manifest, in bytes: the distribution specification asks for at least 4 MiB, and clients take no more.
    pub const MAX_BYTES: usize = 4 << 20;

    /// Reads a manifest strictly; `media_type` is what the request says that it is.
    ///
    /// # Errors
    /// As [`OutlineError`] says.
    pub fn read(media_type: &str, bytes: &[u8]) -> Result<Self, OutlineError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(OutlineError::TooBig(bytes.len()));
        }
        let is_index = match media_type {
            IMAGE_MANIFEST | DOCKER_MANIFEST => false,
            IMAGE_INDEX | DOCKER_LIST => true,
            other => return Err(OutlineError::MediaType(other.chars().take(100).collect())),
        };
        let document: Document = json::read(bytes).map_err(|error| OutlineError::Json(error.to_string()))?;
        if document.schema_version != 2 {
            return Err(OutlineError::Schema(document.schema_version));
        }
        if let Some(body) = document.media_type.filter(|body| body != media_type) {
            return Err(OutlineError::Contradiction { header: media_type.to_owned(), body });
        }
        let mut outline = Self::default();
        let wrong = |text: &str| OutlineError::Json(text.to_owned());
        let listed = match (is_index, document.layers, document.manifests) {
            (false, Some(layers), None) => {
                let config = document.config.ok_or_else(|| wrong("there is no `config`"))?;
                outline.artifact_type = document.artifact_type.or_else(|| Some(config.media_type.clone()));
                outline.blobs.push((config.digest("config")?, config.size));
                layers
            }
            (true, None, Some(manifests)) if document.config.is_none() => {
                outline.artifact_type = document.artifact_type;
                manifests
            }
            (false, ..) => return Err(wrong("an image manifest has `config` and `layers`, and no `manifests`")),
            (true, ..) => return Err(wrong("an index has `manifests`, and neither `config` nor `layers`")),
        };
        if listed.len() > MAX_DESCRIPTORS {
            return Err(OutlineError::ManyDescriptors(listed.len()));
        }
        for descriptor in listed {
            match is_index {
                true => outline.manifests.push(descriptor.digest("manifests")?),
                false => outline.blobs.push((descriptor.digest("layers")?, descriptor.size)),
            }
        }
        outline.subject = document.subject.map(|subject| subject.digest("subject")).transpose()?;
        outline.annotations = document.annotations.unwrap_or_default();
        let bytes = outline.annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > MAX_ANNOTATIONS {
            return Err(OutlineError::ManyAnnotations(bytes));
        }
        Ok(outline)
    }
}

impl Descriptor {
    fn digest(&self, field: &'static str) -> Result<Digest, OutlineError> {
        let plausible =
            self.media_type.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
        if !plausible || self.media_type.len() > 255 || !self.media_type.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(OutlineError::DescriptorType { field });
        }
        let wrong = || OutlineError::Digest { field, digest: self.digest.chars().take(100).collect() };
        self.digest.parse().map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests;
