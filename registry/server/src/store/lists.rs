//! Lists: tags, repositories, referrers, and the index for searching.

use std::collections::BTreeMap;

use redb::ReadableDatabase as _;
use tidegate_catalog::{Entry, Release};
use tidegate_reference::{Digest, RepositoryName};

use super::tables::{MANIFESTS, ManifestRecord, REFERRERS, TAGS, TagRecord};
use super::{Result, Store, StoreError};

/// What a manifest says about itself in an annotation, OCI image specification, `annotations.md`.
const DESCRIPTION: &str = "org.opencontainers.image.description";
/// Most repositories of one index: it is made in memory.
const MAX_INDEX: usize = 10_000;

/// A part of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Whether more follow.
    pub(crate) more: bool,
}

/// A manifest that is about another.
pub(crate) struct Referrer {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) size: u64,
    pub(crate) artifact_type: Option<String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Store {
    /// Tags after `last`, in the order of their bytes; without those that were yanked.
    pub(crate) fn tags(&self, name: &RepositoryName, last: Option<&str>, most: usize) -> Result<Page<String>> {
        self.known(name)?;
        let tags = self.begin_read()?.open_table(TAGS).map_err(redb::Error::from)?;
        let mut page = Page { items: Vec::new(), more: false };
        for entry in tags.range((name.as_str(), last.unwrap_or_default())..).map_err(redb::Error::from)? {
            let (key, record) = entry.map_err(redb::Error::from)?;
            let (owner, tag) = key.value();
            if owner != name.as_str() {
                break;
            }
            let record: TagRecord = serde_json::from_slice(record.value())?;
            if record.deleted || record.yanked.is_some() || last == Some(tag) {
                continue;
            }
            if page.items.len() >= most {
                page.more = true;
                break;
            }
            page.items.push(tag.to_owned());
        }
        Ok(page)
    }

    /// Repositories with a manifest, after `last`, of which `show` is true.
    pub(crate) fn repositories(
        &self,
        last: Option<&str>,
        most: usize,
        show: impl Fn(&RepositoryName) -> bool,
    ) -> Result<Page<RepositoryName>> {
        let manifests = self.begin_read()?.open_table(MANIFESTS).map_err(redb::Error::from)?;
        let mut page = Page { items: Vec::new(), more: false };
        let mut after = last.map(str::to_owned);
        loop {
            // From name to name: `\u{ff}` is behind every digest.
            let start = after.as_deref().map_or(("", ""), |after| (after, "\u{ff}"));
            let next = manifests.range(start..).map_err(redb::Error::from)?.next();
            let Some(entry) = next else { return Ok(page) };
            let name = entry.map_err(redb::Error::from)?.0.value().0.to_owned();
            if let Some(name) = name.parse().ok().filter(&show) {
                if page.items.len() >= most {
                    page.more = true;
                    return Ok(page);
                }
                page.items.push(name);
            }
            after = Some(name);
        }
    }

    /// What is about `subject`, after the manifest `last`, only of one type where one is given.
    pub(crate) fn referrers(
        &self,
        name: &RepositoryName,
        subject: &Digest,
        kind: Option<&str>,
        last: Option<&Digest>,
        most: usize,
    ) -> Result<Page<Referrer>> {
        let read = self.database.begin_read().map_err(redb::Error::from)?;
        let referrers = read.open_table(REFERRERS).map_err(redb::Error::from)?;
        let manifests = read.open_table(MANIFESTS).map_err(redb::Error::from)?;
        let (subject, last) = (subject.to_string(), last.map(Digest::to_string));
        let start = (name.as_str(), subject.as_str(), last.as_deref().unwrap_or_default());
        let mut page = Page { items: Vec::new(), more: false };
        for entry in referrers.range(start..).map_err(redb::Error::from)? {
            let (key, artifact_type) = entry.map_err(redb::Error::from)?;
            let (owner, about, digest) = key.value();
            if owner != name.as_str() || about != subject {
                break;
            }
            if Some(digest) == last.as_deref() || kind.is_some_and(|kind| kind != artifact_type.value()) {
                continue;
            }
            if page.items.len() >= most {
                page.more = true;
                break;
            }
            let Some(record) = manifests.get((owner, digest)).map_err(redb::Error::from)? else { continue };
            let record: ManifestRecord = serde_json::from_slice(record.value())?;
            let Ok(digest) = digest.parse() else { continue };
            page.items.push(Referrer {
                digest,
                media_type: record.media_type,
                size: record.size,
                artifact_type: record.artifact_type,
                annotations: record.annotations,
            });
        }
        Ok(page)
    }

    /// Every released version of the repositories of which `show` is true, yanked ones marked.
    pub(crate) fn index(&self, show: impl Fn(&RepositoryName) -> bool) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for name in self.repositories(None, MAX_INDEX, show)?.items {
            let releases = self.releases(&name)?;
            if !releases.is_empty() {
                entries.push(Entry { name, releases });
            }
        }
        Ok(entries)
    }

    fn releases(&self, name: &RepositoryName) -> Result<Vec<Release>> {
        let read = self.database.begin_read().map_err(redb::Error::from)?;
        let tags = read.open_table(TAGS).map_err(redb::Error::from)?;
        let manifests = read.open_table(MANIFESTS).map_err(redb::Error::from)?;
        let mut releases = Vec::new();
        for entry in tags.range((name.as_str(), "")..).map_err(redb::Error::from)? {
            let (key, record) = entry.map_err(redb::Error::from)?;
            let (owner, tag) = key.value();
            if owner != name.as_str() {
                break;
            }
            let record: TagRecord = serde_json::from_slice(record.value())?;
            let Some(version) = tag.parse().ok().filter(|_| !record.deleted) else { continue };
            let manifest = manifests.get((owner, record.digest.to_string().as_str())).map_err(redb::Error::from)?;
            let manifest =
                manifest.map(|record| serde_json::from_slice::<ManifestRecord>(record.value())).transpose()?;
            releases.push(Release {
                version,
                digest: record.digest,
                signer: None,
                yanked: record.yanked.map(|yank| yank.reason.unwrap_or_default()),
                description: manifest.and_then(|manifest| manifest.annotations.get(DESCRIPTION).cloned()),
            });
        }
        Ok(releases)
    }

    /// Whether anything was ever pushed under the name.
    fn known(&self, name: &RepositoryName) -> Result<()> {
        let manifests = self.begin_read()?.open_table(MANIFESTS).map_err(redb::Error::from)?;
        let first = manifests.range((name.as_str(), "")..).map_err(redb::Error::from)?.next();
        let known = match first {
            Some(entry) => entry.map_err(redb::Error::from)?.0.value().0 == name.as_str(),
            None => false,
        };
        if known { Ok(()) } else { Err(StoreError::NoName(name.clone())) }
    }
}
