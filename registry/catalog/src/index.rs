//! The index: which components there are, in which versions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_reference::{Digest, RepositoryName, Version};

use crate::json;

/// Where the index lies: in the folder of a mirror, and below the address of a registry.
pub const INDEX_FILE: &str = "tidegate-index.json";
/// How far the clock of an index's maker may be ahead of ours, in seconds: an index from later times would make all that
/// come after it look old.
const MAX_AHEAD: u64 = 24 * 3600;
/// Largest index, in bytes: it is held in memory, and nobody has vouched for it.
pub const MAX_INDEX_BYTES: usize = 16 << 20;
/// The file with an index's signature, beside it. It is named by the index it is about, so that a new index and its
/// signature take the place of the old ones at once, although they are two files.
#[must_use]
pub fn signature_file(index: &Digest) -> String {
    format!("tidegate-index.{}.sigstore.json", index.to_hex())
}

/// What this version of the format is called.
const FORMAT: &str = "tidegate-index-v1";
/// Most characters of a description that are kept.
const MAX_DESCRIPTION: usize = 1_000;

/// Which components there are. A hint for people: what is added is verified by its signature, whatever an index says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    format: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// From when on it is not to be used, in seconds since 1970: somebody may be holding back a newer one.
    pub expires: u64,
    /// Sorted by name.
    pub components: Vec<Entry>,
}

/// A component and its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The repository.
    pub name: RepositoryName,
    /// Its versions, at least one, sorted.
    pub releases: Vec<Release>,
}

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Which.
    pub version: Version,
    /// Its manifest.
    pub digest: Digest,
    /// Who signed it, as whoever made the index found it: a name or a fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// It was withdrawn, and why (an empty text: nobody said).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Why bytes are no index that is used. Whoever made it is at fault, or whoever changed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Too large.
    #[error("the index has {0} bytes, at most {MAX_INDEX_BYTES} are taken")]
    TooBig(usize),
    /// Not what is expected.
    #[error("this is no index of components: {0}")]
    Json(String),
    /// Another version of the format.
    #[error("the index has the format `{}`, only `{FORMAT}` is read", .0.escape_debug())]
    Format(String),
    /// Out of date.
    #[error(
        "the index expired {0} s ago: somebody may be holding back a newer one; whoever keeps it makes a new one with \
         `tidegate mirror index DIR`"
    )]
    Expired(u64),
    /// From later than now.
    #[error("the index was made {0} s from now: the clock of its maker or of this machine is wrong")]
    Future(u64),
    /// Something stands twice.
    #[error("the index names `{0}` twice")]
    Twice(String),
}

impl Index {
    /// An index of these, sorted; `lifetime` in seconds.
    #[must_use]
    pub fn new(created: u64, lifetime: u64, mut components: Vec<Entry>) -> Self {
        components.sort_by(|a, b| a.name.cmp(&b.name));
        for release in components.iter_mut().flat_map(|entry| {
            entry.releases.sort_by(|a, b| a.version.cmp(&b.version));
            &mut entry.releases
        }) {
            let description = release.description.take();
            release.description = description.map(|text| text.chars().take(MAX_DESCRIPTION).collect());
        }
        Self { format: FORMAT.to_owned(), created, expires: created.saturating_add(lifetime), components }
    }

    /// Reads an index, at the time `now` in seconds since 1970.
    ///
    /// # Errors
    /// As [`IndexError`] says.
    pub fn parse(bytes: &[u8], now: u64) -> Result<Self, IndexError> {
        let index = Self::read(bytes)?;
        if let Some(late) = now.checked_sub(index.expires) {
            return Err(IndexError::Expired(late));
        }
        match index.created.saturating_sub(now) {
            ahead if ahead > MAX_AHEAD => Err(IndexError::Future(ahead)),
            _ => Ok(index),
        }
    }

    /// Reads an index of whatever time, for whoever makes a newer one of it.
    ///
    /// # Errors
    /// As [`IndexError`] says.
    pub fn read(bytes: &[u8]) -> Result<Self, IndexError> {
        if bytes.len() > MAX_INDEX_BYTES {
            return Err(IndexError::TooBig(bytes.len()));
        }
        let index: Self = json::read(bytes).map_err(|error| IndexError::Json(error.to_string()))?;
        if index.format != FORMAT {
            return Err(IndexError::Format(index.format.chars().take(80).collect()));
        }
        let mut seen = BTreeSet::new();
        for entry in &index.components {
            for release in &entry.releases {
                if !seen.insert((&entry.name, &release.version)) {
                    return Err(IndexError::Twice(format!("{}:{}", entry.name, release.version)));
                }
            }
        }
        Ok(index)
    }

    /// A version of a component, withdrawn or not.
    #[must_use]
    pub fn release(&self, name: &RepositoryName, version: &Version) -> Option<&Release> {
        let entries = self.components.iter().filter(|entry| entry.name == *name);
        entries.flat_map(|entry| &entry.releases).find(|release| release.version == *version)
    }

    /// As JSON, indented: it may lie in a file that people read.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Text, numbers and lists cannot fail to be written.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}
