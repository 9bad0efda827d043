//! The database: which repository has what. Values are JSON, so that a newer version can add fields.

use redb::{ReadableTable as _, TableDefinition, TableError, WriteTransaction};
use serde::{Deserialize, Serialize};
use tidegate_reference::Digest;

use super::{Result, Store};

/// What redb may keep in memory, in bytes: everything else together stays under 64 MB.
pub(crate) const CACHE_BYTES: usize = 8 << 20;

/// Repository and digest to [`Link`]: the repository has this blob.
pub(crate) const BLOBS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("blobs");
/// Repository and digest to [`ManifestRecord`].
pub(crate) const MANIFESTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("manifests");
/// Repository and tag to [`TagRecord`].
pub(crate) const TAGS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("tags");
/// Repository, subject and manifest: the manifest is about the subject. Value: the artifact's type.
pub(crate) const REFERRERS: TableDefinition<'_, (&str, &str, &str), &str> = TableDefinition::new("referrers");
/// Upload to [`UploadRecord`].
pub(crate) const UPLOADS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("uploads");
/// Namespace to bytes of its blobs and manifests.
pub(crate) const USAGE: TableDefinition<'_, &str, u64> = TableDefinition::new("usage");

/// A blob of a repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) size: u64,
    /// When it came, in seconds since 1970.
    pub(crate) since: u64,
}

/// A manifest of a repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ManifestRecord {
    pub(crate) media_type: String,
    pub(crate) size: u64,
    pub(crate) since: u64,
    pub(crate) blobs: Vec<Digest>,
    pub(crate) subject: Option<Digest>,
    pub(crate) artifact_type: Option<String>,
    #[serde(default)]
    pub(crate) annotations: std::collections::BTreeMap<String, String>,
}

/// A tag of a repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TagRecord {
    pub(crate) digest: Digest,
    pub(crate) since: u64,
    #[serde(default)]
    pub(crate) yanked: Option<Yank>,
    /// A released version that was deleted is remembered, so that it never means other bytes.
    #[serde(default)]
    pub(crate) deleted: bool,
}

/// A version that nobody should choose any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Yank {
    pub(crate) since: u64,
    pub(crate) reason: Option<String>,
}

/// An upload that is not finished.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) name: String,
    pub(crate) since: u64,
}

impl Store {
    pub(crate) fn create_tables(&self) -> Result<()> {
        let write = self.begin_write()?;
        let created = || -> std::result::Result<(), TableError> {
            write.open_table(BLOBS)?;
            write.open_table(MANIFESTS)?;
            write.open_table(TAGS)?;
            write.open_table(REFERRERS)?;
            write.open_table(UPLOADS)?;
            write.open_table(USAGE)?;
            Ok(())
        };
        created().map_err(redb::Error::from)?;
        Ok(write.commit().map_err(redb::Error::from)?)
    }
}

/// Adds to (or, negative, takes from) what a namespace keeps.
pub(crate) fn add_usage(write: &WriteTransaction, namespace: &str, bytes: i128) -> Result<(), redb::Error> {
    let mut usage = write.open_table(USAGE)?;
    let before = usage.get(namespace)?.map_or(0, |value| value.value());
    let after = (i128::from(before) + bytes).clamp(0, i128::from(u64::MAX));
    usage.insert(namespace, u64::try_from(after).unwrap_or(u64::MAX))?;
    Ok(())
}
