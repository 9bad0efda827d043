//! After a crash: what was half done is undone.

use std::collections::HashSet;
use std::fs;

use redb::ReadableTable as _;
use tidegate_reference::Digest;

use super::tables::{BLOBS, MANIFESTS, UPLOADS};
use super::{Result, Store, io_failed};

impl Store {
    /// Removes uploads without a record and records of uploads without a file, and looks for every content that a record
    /// names. One that is missing was lost by the disk: its record goes, so that it can be pushed again.
    pub(crate) fn recover(&self) -> Result<()> {
        let folder = self.root.join("uploads");
        let mut files = HashSet::new();
        for file in fs::read_dir(&folder).map_err(io_failed("list", &folder))?.flatten() {
            files.extend(file.file_name().into_string());
        }
        let write = self.begin_write()?;
        let mut records = HashSet::new();
        {
            let mut uploads = write.open_table(UPLOADS).map_err(redb::Error::from)?;
            for entry in uploads.iter().map_err(redb::Error::from)? {
                records.insert(entry.map_err(redb::Error::from)?.0.value().to_owned());
            }
            for lost in records.difference(&files) {
                uploads.remove(lost.as_str()).map_err(redb::Error::from)?;
            }
        }
        for table in [BLOBS, MANIFESTS] {
            let mut lost = Vec::new();
            let mut table = write.open_table(table).map_err(redb::Error::from)?;
            for entry in table.iter().map_err(redb::Error::from)? {
                let (key, _) = entry.map_err(redb::Error::from)?;
                let (name, digest) = key.value();
                if !digest.parse::<Digest>().is_ok_and(|digest| self.blob_path(&digest).is_file()) {
                    lost.push((name.to_owned(), digest.to_owned()));
                }
            }
            for (name, digest) in lost {
                tracing::error!(name, digest, "the disk has lost a content: push it again");
                table.remove((name.as_str(), digest.as_str())).map_err(redb::Error::from)?;
            }
        }
        write.commit().map_err(redb::Error::from)?;
        for orphan in files.difference(&records) {
            let path = folder.join(orphan);
            fs::remove_file(&path).map_err(io_failed("remove", &path))?;
        }
        Ok(())
    }
}
