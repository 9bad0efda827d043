//! Uploads: begun, continued, finished, given up; and blobs that another repository has already.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

use redb::{ReadableDatabase as _, ReadableTable as _, WriteTransaction};
use ring::digest::{Context, SHA256};
use tidegate_reference::{Digest, RepositoryName};

use super::files::{random_name, sync_folder};
use super::tables::{BLOBS, Link, UPLOADS, USAGE, UploadRecord, add_usage};
use super::{Result, Store, StoreError, io_failed};
use crate::clock::now;

/// Bytes read at once when an upload is hashed again.
const READ_BYTES: usize = 256 << 10;

/// The name of an upload: 32 hexadecimal digits, which nobody guesses. Safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct UploadId(String);

/// What finishes an upload.
pub(crate) struct Finish<'a> {
    pub(crate) name: &'a RepositoryName,
    pub(crate) id: &'a UploadId,
    /// What the client says that it sent.
    pub(crate) digest: Digest,
    /// The hash over the first bytes, as far as this process has seen them.
    pub(crate) hashed: Option<(u64, Context)>,
    pub(crate) quota: u64,
}

impl UploadId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let good = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// Begins an upload.
    pub(crate) fn begin_upload(&self, name: &RepositoryName, quota: u64, most: usize) -> Result<UploadId> {
        self.check_quota(name, quota, 0)?;
        let id = UploadId(random_name()?);
        let path = self.upload_path(&id.0);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(io_failed("make", &path))?;
        sync_folder(&self.root.join("uploads"))?;
        let write = self.begin_write()?;
        let open = open_uploads(&write, name)?;
        if open >= most {
            drop(fs::remove_file(&path));
            return Err(StoreError::ManyUploads { namespace: name.namespace().to_owned(), open });
        }
        let record = serde_json::to_vec(&UploadRecord { name: name.to_string(), since: now() })?;
        let insert = || -> Result<(), redb::Error> {
            write.open_table(UPLOADS)?.insert(id.0.as_str(), record.as_slice())?;
            Ok(())
        };
        insert()?;
        write.commit().map_err(redb::Error::from)?;
        Ok(id)
    }

    /// An upload of this repository, opened for appending, and how many bytes have arrived.
    pub(crate) fn open_upload(&self, name: &RepositoryName, id: &UploadId) -> Result<(u64, File)> {
        let uploads = self.begin_read()?.open_table(UPLOADS).map_err(redb::Error::from)?;
        let record = uploads.get(id.as_str()).map_err(redb::Error::from)?.ok_or(StoreError::NoUpload)?;
        let record: UploadRecord = serde_json::from_slice(record.value())?;
        if record.name != name.as_str() {
            return Err(StoreError::NoUpload);
        }
        let path = self.upload_path(id.as_str());
        let file = OpenOptions::new().read(true).append(true).open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NoUpload,
            _ => io_failed("open", &path)(error),
        })?;
        let length = file.metadata().map_err(io_failed("read", &path))?.len();
        Ok((length, file))
    }

    /// Makes a blob of what has arrived, if it is what was named. Otherwise the upload is over.
    pub(crate) fn finish_upload(&self, finish: Finish<'_>) -> Result<u64> {
        let Finish { name, id, digest, hashed, quota } = finish;
        let (size, mut file) = self.open_upload(name, id)?;
        let path = self.upload_path(id.as_str());
        let found = match hashed {
            Some((bytes, context)) if bytes == size => digest_of(context),
            // Another process received the beginning: before a restart, perhaps.
            _ => hash(&mut file).map_err(io_failed("read", &path))?,
        };
        if found != digest {
            self.cancel_upload(name, id)?;
            return Err(StoreError::OtherDigest { expected: digest, found });
        }
        if let Err(full) = self.check_quota(name, quota, size) {
            self.cancel_upload(name, id)?;
            return Err(full);
        }
        self.keep(&file, &path, &digest)?;
        let write = self.begin_write()?;
        write.open_table(UPLOADS).map_err(redb::Error::from)?.remove(id.as_str()).map_err(redb::Error::from)?;
        self.link(&write, name, &digest, size, quota)?;
        write.commit().map_err(redb::Error::from)?;
        Ok(size)
    }

    /// Gives an upload up.
    pub(crate) fn cancel_upload(&self, name: &RepositoryName, id: &UploadId) -> Result<()> {
        self.open_upload(name, id)?;
        let write = self.begin_write()?;
        write.open_table(UPLOADS).map_err(redb::Error::from)?.remove(id.as_str()).map_err(redb::Error::from)?;
        write.commit().map_err(redb::Error::from)?;
        drop(fs::remove_file(self.upload_path(id.as_str())));
        Ok(())
    }

    /// Gives `to` a blob that `from` has. Whether the client may pull from there, the caller has checked.
    pub(crate) fn mount(&self, from: &RepositoryName, to: &RepositoryName, digest: &Digest, quota: u64) -> Result<()> {
        let size = self.blob_size(from, digest)?;
        self.check_quota(to, quota, size)?;
        let write = self.begin_write()?;
        {
            // It must still be there now that nobody else writes.
            let blobs = write.open_table(BLOBS).map_err(redb::Error::from)?;
            let key = digest.to_string();
            if blobs.get((from.as_str(), key.as_str())).map_err(redb::Error::from)?.is_none() {
                return Err(StoreError::NoBlob { name: from.clone(), digest: *digest });
            }
        }
        self.link(&write, to, digest, size, quota)?;
        Ok(write.commit().map_err(redb::Error::from)?)
    }

    /// Notes that the repository has the blob. The file is looked for while nobody else writes: so no collection can
    /// take it away in between, and the quota holds for all who push at the same time.
    fn link(
        &self,
        write: &WriteTransaction,
        name: &RepositoryName,
        digest: &Digest,
        size: u64,
        quota: u64,
    ) -> Result<()> {
        let path = self.blob_path(digest);
        path.metadata().map_err(io_failed("find", &path))?;
        let record = serde_json::to_vec(&Link { size, since: now() })?;
        let (namespace, key) = (name.namespace(), digest.to_string());
        let insert = || -> Result<Option<u64>, redb::Error> {
            let mut blobs = write.open_table(BLOBS)?;
            let known = blobs.insert((name.as_str(), key.as_str()), record.as_slice())?.is_some();
            drop(blobs);
            if known {
                return Ok(None);
            }
            let used = write.open_table(USAGE)?.get(namespace)?.map_or(0, |value| value.value());
            add_usage(write, namespace, i128::from(size))?;
            Ok(Some(used))
        };
        match insert()? {
            Some(used) if used.saturating_add(size) > quota => {
                Err(StoreError::Quota { namespace: namespace.to_owned(), used, quota })
            }
            _ => Ok(()),
        }
    }

    /// How many bytes an upload may have: what the namespace may keep, without what it keeps and without its other
    /// uploads, which lie on the disk too.
    pub(crate) fn room(&self, name: &RepositoryName, id: &UploadId, quota: u64) -> Result<u64> {
        let read = self.database.begin_read().map_err(redb::Error::from)?;
        let usage = read.open_table(USAGE).map_err(redb::Error::from)?;
        let mut used = usage.get(name.namespace()).map_err(redb::Error::from)?.map_or(0, |value| value.value());
        let uploads = read.open_table(UPLOADS).map_err(redb::Error::from)?;
        for entry in uploads.iter().map_err(redb::Error::from)? {
            let (other, record) = entry.map_err(redb::Error::from)?;
            let record: UploadRecord = serde_json::from_slice(record.value())?;
            if other.value() != id.as_str() && namespace_of(&record) == name.namespace() {
                let length = self.upload_path(other.value()).metadata().map_or(0, |metadata| metadata.len());
                used = used.saturating_add(length);
            }
        }
        Ok(quota.saturating_sub(used))
    }

    /// Whether the namespace may keep `more` bytes.
    pub(crate) fn check_quota(&self, name: &RepositoryName, quota: u64, more: u64) -> Result<()> {
        let usage = self.database.begin_read().map_err(redb::Error::from)?;
        let usage = usage.open_table(USAGE).map_err(redb::Error::from)?;
        let used = usage.get(name.namespace()).map_err(redb::Error::from)?.map_or(0, |value| value.value());
        if used.saturating_add(more) > quota || used >= quota {
            return Err(StoreError::Quota { namespace: name.namespace().to_owned(), used, quota });
        }
        Ok(())
    }
}

/// How many uploads a namespace has open.
fn open_uploads(write: &WriteTransaction, name: &RepositoryName) -> Result<usize> {
    let uploads = write.open_table(UPLOADS).map_err(redb::Error::from)?;
    let mut open = 0;
    for entry in uploads.iter().map_err(redb::Error::from)? {
        let (_, record) = entry.map_err(redb::Error::from)?;
        let record: UploadRecord = serde_json::from_slice(record.value())?;
        open += usize::from(namespace_of(&record) == name.namespace());
    }
    Ok(open)
}

fn namespace_of(record: &UploadRecord) -> &str {
    record.name.split_once('/').map_or(record.name.as_str(), |(namespace, _)| namespace)
}

fn hash(file: &mut File) -> io::Result<Digest> {
    use std::io::Seek as _;
    file.rewind()?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest_of(context)),
            read => context.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

fn digest_of(context: Context) -> Digest {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Digest::from_bytes(bytes)
}
