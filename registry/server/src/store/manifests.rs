//! Manifests and tags.

use std::fs;

use redb::{ReadableTable as _, WriteTransaction};
use tidegate_catalog::Outline;
use tidegate_reference::{Digest, RepositoryName, Tag, Target};

use super::tables::{BLOBS, Link, MANIFESTS, ManifestRecord, REFERRERS, TAGS, TagRecord, add_usage};
use super::{Result, Store, StoreError, io_failed};
use crate::clock::now;

/// A manifest to be kept.
pub(crate) struct Put<'a> {
    pub(crate) name: &'a RepositoryName,
    pub(crate) target: &'a Target,
    pub(crate) media_type: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) outline: Outline,
    pub(crate) quota: u64,
}

/// A manifest that is kept.
pub(crate) struct Found {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) size: u64,
}

impl Store {
    /// Keeps a manifest, and points the tag to it.
    pub(crate) fn put_manifest(&self, put: Put<'_>) -> Result<Digest> {
        let digest = Digest::of(put.bytes);
        if let Target::Digest(expected) = put.target
            && *expected != digest
        {
            return Err(StoreError::OtherDigest { expected: *expected, found: digest });
        }
        let size = u64::try_from(put.bytes.len()).unwrap_or(u64::MAX);
        self.check_quota(put.name, put.quota, size)?;
        self.keep_bytes(&digest, put.bytes)?;
        let write = self.begin_write()?;
        check_parts(&write, put.name, &put.outline)?;
        if let Target::Tag(tag) = put.target {
            set_tag(&write, put.name, tag, digest)?;
        }
        let path = self.blob_path(&digest);
        path.metadata().map_err(io_failed("find", &path))?;
        let record = ManifestRecord {
            media_type: put.media_type.to_owned(),
            size,
            since: now(),
            blobs: put.outline.blobs.iter().map(|(digest, _)| *digest).collect(),
            subject: put.outline.subject,
            artifact_type: put.outline.artifact_type,
            annotations: put.outline.annotations,
        };
        let (name, key) = (put.name.as_str(), digest.to_string());
        let json = serde_json::to_vec(&record)?;
        let insert = || -> Result<(), redb::Error> {
            if let Some(subject) = record.subject {
                let subject = subject.to_string();
                let kind = record.artifact_type.as_deref().unwrap_or_default();
                write.open_table(REFERRERS)?.insert((name, subject.as_str(), key.as_str()), kind)?;
            }
            let known = write.open_table(MANIFESTS)?.insert((name, key.as_str()), json.as_slice())?.is_some();
            if known { Ok(()) } else { add_usage(&write, put.name.namespace(), i128::from(size)) }
        };
        insert()?;
        write.commit().map_err(redb::Error::from)?;
        Ok(digest)
    }

    /// Looks for a manifest.
    pub(crate) fn find_manifest(&self, name: &RepositoryName, target: &Target) -> Result<Found> {
        let digest = match target {
            Target::Digest(digest) => *digest,
            Target::Tag(tag) => self.tag(name, tag)?,
        };
        let manifests = self.begin_read()?.open_table(MANIFESTS).map_err(redb::Error::from)?;
        let record = manifests.get((name.as_str(), digest.to_string().as_str())).map_err(redb::Error::from)?;
        let record = record.ok_or_else(|| StoreError::NoManifest { name: name.clone(), digest })?;
        let record: ManifestRecord = serde_json::from_slice(record.value())?;
        Ok(Found { digest, media_type: record.media_type, size: record.size })
    }

    /// The bytes of a manifest that was found.
    pub(crate) fn manifest_bytes(&self, found: &Found) -> Result<Vec<u8>> {
        let path = self.blob_path(&found.digest);
        fs::read(&path).map_err(io_failed("read", &path))
    }

    fn tag(&self, name: &RepositoryName, tag: &Tag) -> Result<Digest> {
        let tags = self.begin_read()?.open_table(TAGS).map_err(redb::Error::from)?;
        let record = tags.get((name.as_str(), tag.as_str())).map_err(redb::Error::from)?;
        let missing = || StoreError::NoTag { name: name.clone(), tag: tag.to_string() };
        let record: TagRecord = serde_json::from_slice(record.ok_or_else(missing)?.value())?;
        match record.yanked {
            _ if record.deleted => Err(missing()),
            Some(yank) => {
                let (name, tag) = (name.clone(), tag.to_string());
                Err(StoreError::Yanked { name, tag, digest: record.digest, reason: yank.reason })
            }
            None => Ok(record.digest),
        }
    }

    /// Removes a tag, or a manifest with all tags that point to it. What was released is remembered.
    pub(crate) fn delete_manifest(&self, name: &RepositoryName, target: &Target) -> Result<()> {
        let write = self.begin_write()?;
        match target {
            Target::Tag(tag) => remove_tag(&write, name, tag)?,
            Target::Digest(digest) => {
                let key = digest.to_string();
                let record = {
                    let mut manifests = write.open_table(MANIFESTS).map_err(redb::Error::from)?;
                    let removed = manifests.remove((name.as_str(), key.as_str())).map_err(redb::Error::from)?;
                    let removed =
                        removed.ok_or_else(|| StoreError::NoManifest { name: name.clone(), digest: *digest })?;
                    serde_json::from_slice::<ManifestRecord>(removed.value())?
                };
                for tag in tags_of(&write, name, digest)? {
                    remove_tag(&write, name, &tag)?;
                }
                let forget = || -> Result<(), redb::Error> {
                    if let Some(subject) = record.subject {
                        let subject = subject.to_string();
                        write.open_table(REFERRERS)?.remove((name.as_str(), subject.as_str(), key.as_str()))?;
                    }
                    add_usage(&write, name.namespace(), -i128::from(record.size))
                };
                forget()?;
            }
        }
        Ok(write.commit().map_err(redb::Error::from)?)
    }

    /// Takes a blob from a repository, unless a manifest there needs it. The file goes when nobody has it any more.
    pub(crate) fn delete_blob(&self, name: &RepositoryName, digest: &Digest) -> Result<()> {
        let write = self.begin_write()?;
        {
            let manifests = write.open_table(MANIFESTS).map_err(redb::Error::from)?;
            for entry in manifests.range((name.as_str(), "")..).map_err(redb::Error::from)? {
                let (key, record) = entry.map_err(redb::Error::from)?;
                if key.value().0 != name.as_str() {
                    break;
                }
                let record: ManifestRecord = serde_json::from_slice(record.value())?;
                if record.blobs.contains(digest) {
                    return Err(StoreError::InUse { digest: *digest, manifest: key.value().1.to_owned() });
                }
            }
        }
        let size = {
            let mut blobs = write.open_table(BLOBS).map_err(redb::Error::from)?;
            let removed = blobs.remove((name.as_str(), digest.to_string().as_str())).map_err(redb::Error::from)?;
            let removed = removed.ok_or_else(|| StoreError::NoBlob { name: name.clone(), digest: *digest })?;
            serde_json::from_slice::<Link>(removed.value())?.size
        };
        add_usage(&write, name.namespace(), -i128::from(size))?;
        Ok(write.commit().map_err(redb::Error::from)?)
    }
}

/// The repository must have what a manifest names. The subject may come later: a signature may be there first.
fn check_parts(write: &WriteTransaction, name: &RepositoryName, outline: &Outline) -> Result<()> {
    let blobs = write.open_table(BLOBS).map_err(redb::Error::from)?;
    for (digest, said) in &outline.blobs {
        let link = blobs.get((name.as_str(), digest.to_string().as_str())).map_err(redb::Error::from)?;
        let link = link.ok_or_else(|| StoreError::MissingBlob { name: name.clone(), digest: *digest })?;
        let size = serde_json::from_slice::<Link>(link.value())?.size;
        if size != *said {
            return Err(StoreError::OtherSize { digest: *digest, said: *said, size });
        }
    }
    let manifests = write.open_table(MANIFESTS).map_err(redb::Error::from)?;
    for digest in &outline.manifests {
        let known = manifests.get((name.as_str(), digest.to_string().as_str())).map_err(redb::Error::from)?.is_some();
        if !known {
            return Err(StoreError::MissingManifest { name: name.clone(), digest: *digest });
        }
    }
    Ok(())
}

/// Points a tag to a manifest. A version that was released stays what it was.
fn set_tag(write: &WriteTransaction, name: &RepositoryName, tag: &Tag, digest: Digest) -> Result<()> {
    let mut tags = write.open_table(TAGS).map_err(redb::Error::from)?;
    let known = {
        let known = tags.get((name.as_str(), tag.as_str())).map_err(redb::Error::from)?;
        known.map(|known| serde_json::from_slice::<TagRecord>(known.value())).transpose()?
    };
    let record = match known {
        Some(known) if known.digest != digest && tag.semver().is_some() => {
            return Err(StoreError::Released { name: name.clone(), tag: tag.to_string(), digest: known.digest });
        }
        // A yanked version that is pushed again stays yanked.
        Some(known) if known.digest == digest => TagRecord { deleted: false, ..known },
        _ => TagRecord { digest, since: now(), yanked: None, deleted: false },
    };
    let json = serde_json::to_vec(&record)?;
    tags.insert((name.as_str(), tag.as_str()), json.as_slice()).map_err(redb::Error::from)?;
    Ok(())
}

fn remove_tag(write: &WriteTransaction, name: &RepositoryName, tag: &Tag) -> Result<()> {
    let mut tags = write.open_table(TAGS).map_err(redb::Error::from)?;
    let missing = || StoreError::NoTag { name: name.clone(), tag: tag.to_string() };
    let removed = {
        let removed = tags.remove((name.as_str(), tag.as_str())).map_err(redb::Error::from)?.ok_or_else(missing)?;
        serde_json::from_slice::<TagRecord>(removed.value())?
    };
    if tag.semver().is_some() {
        let json = serde_json::to_vec(&TagRecord { deleted: true, ..removed })?;
        tags.insert((name.as_str(), tag.as_str()), json.as_slice()).map_err(redb::Error::from)?;
    }
    if removed.deleted { Err(missing()) } else { Ok(()) }
}

fn tags_of(write: &WriteTransaction, name: &RepositoryName, digest: &Digest) -> Result<Vec<Tag>> {
    let tags = write.open_table(TAGS).map_err(redb::Error::from)?;
    let mut found = Vec::new();
    for entry in tags.range((name.as_str(), "")..).map_err(redb::Error::from)? {
        let (key, record) = entry.map_err(redb::Error::from)?;
        if key.value().0 != name.as_str() {
            break;
        }
        let record: TagRecord = serde_json::from_slice(record.value())?;
        if record.digest == *digest && !record.deleted {
            found.extend(key.value().1.parse::<Tag>().ok());
        }
    }
    Ok(found)
}
