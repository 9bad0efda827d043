//! What is not needed any more; and versions that nobody should choose any more.
//!
//! Mark: a blob is needed while a manifest of its repository names it, or while it is younger than the grace, because its
//! manifest may be on its way. A manifest is needed until it is deleted: what is pinned by digest stays. Sweep: a file
//! goes when no record names its digest and it is older than the grace.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use redb::{ReadableTable as _, WriteTransaction};
use tidegate_reference::{Digest, RepositoryName, Tag};

use super::tables::{BLOBS, Link, MANIFESTS, ManifestRecord, TAGS, TagRecord, UPLOADS, UploadRecord, Yank, add_usage};
use super::{Result, Store, StoreError, io_failed};
use crate::clock::now;

/// What a collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Swept {
    /// Blobs that a repository had and no manifest named.
    pub links: u64,
    /// Files that no repository had.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// Uploads that nobody continued.
    pub uploads: u64,
}

/// Whether a version is to be chosen.
#[derive(Debug, Clone)]
pub(crate) enum YankChange {
    Yank { reason: Option<String> },
    Undo,
}

impl Store {
    /// Removes what nobody needs and is older than `grace`. Safe beside everything else.
    ///
    /// # Errors
    /// The file system or the database.
    pub fn collect(&self, grace: Duration) -> Result<Swept> {
        let mut swept = Swept { links: self.unlink(grace)?, ..Swept::default() };
        swept.uploads = self.give_up_uploads(grace)?;
        // Which files may go is found out while others work; whether they go, while nobody writes.
        let candidates = self.old_files(grace)?;
        for batch in candidates.chunks(256) {
            let write = self.begin_write()?;
            let needed = needed(&write)?;
            for (digest, path) in batch {
                let old = path.metadata().is_ok_and(|metadata| is_older(&metadata, grace));
                if needed.contains(digest) || !old {
                    continue;
                }
                let bytes = path.metadata().map_or(0, |metadata| metadata.len());
                fs::remove_file(path).map_err(io_failed("remove", path))?;
                swept.files += 1;
                swept.bytes += bytes;
            }
            drop(write);
        }
        Ok(swept)
    }

    /// Takes blobs from repositories that no manifest there names.
    fn unlink(&self, grace: Duration) -> Result<u64> {
        let write = self.begin_write()?;
        let mut gone = Vec::new();
        {
            let (blobs, manifests) = (
                write.open_table(BLOBS).map_err(redb::Error::from)?,
                write.open_table(MANIFESTS).map_err(redb::Error::from)?,
            );
            let mut live = (String::new(), HashSet::new());
            for entry in blobs.iter().map_err(redb::Error::from)? {
                let (key, link) = entry.map_err(redb::Error::from)?;
                let (name, digest) = key.value();
                if live.0 != name {
                    live = (name.to_owned(), HashSet::new());
                    for entry in manifests.range((name, "")..).map_err(redb::Error::from)? {
                        let (key, record) = entry.map_err(redb::Error::from)?;
                        if key.value().0 != name {
                            break;
                        }
                        live.1.extend(serde_json::from_slice::<ManifestRecord>(record.value())?.blobs);
                    }
                }
                let link: Link = serde_json::from_slice(link.value())?;
                let named = digest.parse::<Digest>().is_ok_and(|digest| live.1.contains(&digest));
                if !named && link.since.saturating_add(grace.as_secs()) <= now() {
                    gone.push((name.to_owned(), digest.to_owned(), link.size));
                }
            }
        }
        for (name, digest, size) in &gone {
            let mut blobs = write.open_table(BLOBS).map_err(redb::Error::from)?;
            blobs.remove((name.as_str(), digest.as_str())).map_err(redb::Error::from)?;
            drop(blobs);
            let namespace = name.split_once('/').map_or(name.as_str(), |(namespace, _)| namespace);
            add_usage(&write, namespace, -i128::from(*size))?;
        }
        write.commit().map_err(redb::Error::from)?;
        Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
    }

    /// Removes uploads to which nothing was added for long.
    fn give_up_uploads(&self, grace: Duration) -> Result<u64> {
        let write = self.begin_write()?;
        let mut gone = Vec::new();
        {
            let uploads = write.open_table(UPLOADS).map_err(redb::Error::from)?;
            for entry in uploads.iter().map_err(redb::Error::from)? {
                let (id, record) = entry.map_err(redb::Error::from)?;
                let since = serde_json::from_slice::<UploadRecord>(record.value())?.since;
                let old = match self.upload_path(id.value()).metadata() {
                    Ok(metadata) => is_older(&metadata, grace),
                    Err(_) => since.saturating_add(grace.as_secs()) <= now(),
                };
                if old {
                    gone.push(id.value().to_owned());
                }
            }
        }
        for id in &gone {
            let mut uploads = write.open_table(UPLOADS).map_err(redb::Error::from)?;
            uploads.remove(id.as_str()).map_err(redb::Error::from)?;
        }
        write.commit().map_err(redb::Error::from)?;
        for id in &gone {
            drop(fs::remove_file(self.upload_path(id)));
        }
        Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
    }

    /// Files of contents older than the grace.
    fn old_files(&self, grace: Duration) -> Result<Vec<(Digest, PathBuf)>> {
        let root = self.root.join("blobs/sha256");
        let mut found = Vec::new();
        for folder in fs::read_dir(&root).map_err(io_failed("list", &root))?.flatten() {
            let Ok(files) = fs::read_dir(folder.path()) else { continue };
            for file in files.flatten() {
                let digest = file.file_name().to_str().and_then(|hex| Digest::from_hex(hex).ok());
                let old = file.metadata().is_ok_and(|metadata| is_older(&metadata, grace));
                if let (Some(digest), true) = (digest, old) {
                    found.push((digest, file.path()));
                }
            }
        }
        Ok(found)
    }

    /// Withdraws a version, or takes that back.
    ///
    /// # Errors
    /// There is no such version.
    pub(crate) fn yank(&self, name: &RepositoryName, tag: &Tag, change: YankChange) -> Result<Digest> {
        let write = self.begin_write()?;
        let digest = {
            let mut tags = write.open_table(TAGS).map_err(redb::Error::from)?;
            let missing = || StoreError::NoTag { name: name.clone(), tag: tag.to_string() };
            let mut record: TagRecord = {
                let record = tags.get((name.as_str(), tag.as_str())).map_err(redb::Error::from)?;
                serde_json::from_slice(record.ok_or_else(missing)?.value())?
            };
            if record.deleted {
                return Err(missing());
            }
            record.yanked = match change {
                YankChange::Yank { reason } => Some(Yank { since: now(), reason }),
                YankChange::Undo => None,
            };
            let json = serde_json::to_vec(&record)?;
            tags.insert((name.as_str(), tag.as_str()), json.as_slice()).map_err(redb::Error::from)?;
            record.digest
        };
        write.commit().map_err(redb::Error::from)?;
        Ok(digest)
    }
}

fn needed(write: &WriteTransaction) -> Result<HashSet<Digest>> {
    let mut needed = HashSet::new();
    for table in [BLOBS, MANIFESTS] {
        let table = write.open_table(table).map_err(redb::Error::from)?;
        for entry in table.iter().map_err(redb::Error::from)? {
            needed.extend(entry.map_err(redb::Error::from)?.0.value().1.parse::<Digest>().ok());
        }
    }
    Ok(needed)
}

fn is_older(metadata: &fs::Metadata, grace: Duration) -> bool {
    let age = metadata.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    age.is_some_and(|age| age >= grace)
}
