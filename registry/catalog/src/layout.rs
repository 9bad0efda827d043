//! The layout of a mirror: OCI image layout 1.0 (image specification, `image-layout.md`), so that other tools read it too.
//!
//! ```text
//! oci-layout              the version of the layout
//! index.json              every component's manifest, and every list of what is attached to one
//! tidegate-index.json     what there is, for searching
//! blobs/sha256/DIGEST     manifests, configs, components, signatures, attestations
//! ```

use serde::{Deserialize, Serialize};
use tidegate_reference::{Digest, RepositoryName, Tag};

use crate::artifact::{Descriptor, IMAGE_INDEX};
use crate::json;

/// The file that says what the folder is.
pub const LAYOUT_FILE: &str = "oci-layout";
/// What stands in it.
pub const LAYOUT_TEXT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";
/// What a manifest is called, OCI image specification, `annotations.md`.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Largest `index.json`, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// `index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layout {
    schema_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    manifests: Vec<Descriptor>,
}

/// Why bytes are no `index.json`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Another layout.
    #[error("`{LAYOUT_FILE}` names another layout than `{LAYOUT_TEXT}`")]
    Version,
    /// Not the JSON that is expected.
    #[error("`index.json` is not that of an OCI image layout: {0}")]
    Json(String),
    /// Too large.
    #[error("`index.json` has {0} bytes, at most {MAX_BYTES} are taken")]
    TooBig(usize),
}

impl Default for Layout {
    fn default() -> Self {
        Self { schema_version: 2, media_type: Some(IMAGE_INDEX.to_owned()), manifests: Vec::new() }
    }
}

impl Layout {
    /// Reads `oci-layout` and `index.json`.
    ///
    /// # Errors
    /// As [`LayoutError`] says.
    pub fn read(layout: &[u8], index: &[u8]) -> Result<Self, LayoutError> {
        let version = json::read::<serde_json::Value>(layout).ok();
        if version.and_then(|value| value.get("imageLayoutVersion")?.as_str().map(|text| text == "1.0.0")) != Some(true)
        {
            return Err(LayoutError::Version);
        }
        if index.len() > MAX_BYTES {
            return Err(LayoutError::TooBig(index.len()));
        }
        let layout: Self = json::read(index).map_err(|error| LayoutError::Json(error.to_string()))?;
        match layout.schema_version {
            2 => Ok(layout),
            other => Err(LayoutError::Json(format!("its schema version is {other}"))),
        }
    }

    /// Adds a component's manifest, or puts it in the place of the one with the same name and version.
    pub fn put(&mut self, name: &RepositoryName, tag: &Tag, mut manifest: Descriptor) {
        let called = format!("{name}:{tag}");
        self.manifests.retain(|known| known.annotations.get(REF_NAME) != Some(&called));
        manifest.annotations.insert(REF_NAME.to_owned(), called);
        self.manifests.push(manifest);
        self.manifests.sort_by(|a, b| a.annotations.get(REF_NAME).cmp(&b.annotations.get(REF_NAME)));
    }

    /// Every component: its name, its version, its manifest. What has no name of ours is left out.
    pub fn components(&self) -> impl Iterator<Item = (RepositoryName, Tag, &Descriptor)> {
        self.manifests.iter().filter_map(|manifest| {
            let (name, tag) = manifest.annotations.get(REF_NAME)?.rsplit_once(':')?;
            Some((name.parse().ok()?, tag.parse().ok()?, manifest))
        })
    }

    /// `index.json`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// Where a content lies below the folder of a layout.
#[must_use]
pub fn blob_file(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.to_hex())
}
