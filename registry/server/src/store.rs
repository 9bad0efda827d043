//! What is kept, and how it survives a crash.
//!
//! ```text
//! DATA/registry.redb            what is where: see `tables`
//! DATA/blobs/sha256/ab/ab12...  contents, named by their digest; written once
//! DATA/uploads/ID               an upload: as much as has arrived
//! ```
//!
//! A content is complete on the disk under its name before a record names it, and no record names it when it is removed.
//! So whatever is interrupted leaves files that no record names, which the collection removes, and never a record without
//! its file. All functions block on the disk.

mod collect;
mod files;
mod lists;
mod manifests;
mod recover;
mod tables;
mod uploads;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase, StorageError};
use tidegate_reference::{Digest, RepositoryName};

pub use collect::Swept;
pub(crate) use collect::YankChange;
pub(crate) use manifests::Put;
pub(crate) use uploads::{Finish, UploadId};

/// The contents and metadata of a registry.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    database: Database,
}

/// Why something was not kept, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The repository has no such blob, whatever others have.
    #[error("the repository `{name}` has no blob `{digest}`: push it there, or mount it from where you may pull it")]
    NoBlob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// The repository has no such manifest.
    #[error("the repository `{name}` has no manifest `{digest}`")]
    NoManifest {
        /// The repository.
        name: RepositoryName,
        /// The manifest.
        digest: Digest,
    },
    /// The repository has no such tag.
    #[error("the repository `{name}` has no tag `{tag}`")]
    NoTag {
        /// The repository.
        name: RepositoryName,
        /// The tag.
        tag: String,
    },
    /// The version was withdrawn.
    #[error("`{name}:{tag}` was yanked{why}: choose another version; whoever must have this one pulls `{name}@{digest}`", why = reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})")))]
    Yanked {
        /// The repository.
        name: RepositoryName,
        /// The tag.
        tag: String,
        /// Where it still is.
        digest: Digest,
        /// What was said when it was yanked.
        reason: Option<String>,
    },
    /// Nothing was ever pushed under this name.
    #[error("there is no repository `{0}`")]
    NoName(RepositoryName),
    /// An upload that is over, or never was, or belongs to another repository.
    #[error("there is no such upload: it was finished, cancelled, or given up after a day; begin a new one")]
    NoUpload,
    /// The bytes are not those that were named.
    #[error(
        "what arrived has the digest `{found}`, not `{expected}`: it was changed or cut short on its way, send it again"
    )]
    OtherDigest {
        /// What was named.
        expected: Digest,
        /// What the bytes have.
        found: Digest,
    },
    /// A manifest names a blob that the repository does not have.
    #[error("the manifest names the blob `{digest}`, which the repository `{name}` does not have: push it first")]
    MissingBlob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// An index names a manifest that the repository does not have.
    #[error("the index names the manifest `{digest}`, which the repository `{name}` does not have: push it first")]
    MissingManifest {
        /// The repository.
        name: RepositoryName,
        /// The manifest.
        digest: Digest,
    },
    /// A manifest lies about a blob.
    #[error("the manifest says that `{digest}` has {said} bytes, but it has {size}")]
    OtherSize {
        /// The blob.
        digest: Digest,
        /// What the manifest says.
        said: u64,
        /// What it has.
        size: u64,
    },
    /// A version that was released does not move.
    #[error(
        "`{name}:{tag}` was released as `{digest}`, and a released version does not move, not even after it was deleted: \
         push under a new version, and yank this one if nobody should use it"
    )]
    Released {
        /// The repository.
        name: RepositoryName,
        /// The tag.
        tag: String,
        /// What it is.
        digest: Digest,
    },
    /// The namespace is full.
    #[error(
        "the namespace `{namespace}` keeps {used} bytes and may keep {quota}: delete something, or ask whoever runs the \
         registry for `quota.{namespace}`"
    )]
    Quota {
        /// The namespace.
        namespace: String,
        /// What it has.
        used: u64,
        /// What it may have.
        quota: u64,
    },
    /// Something still names it.
    #[error("the manifest `{manifest}` needs the blob `{digest}`: delete that first")]
    InUse {
        /// The blob.
        digest: Digest,
        /// What names it.
        manifest: String,
    },
    /// A namespace with too many open uploads.
    #[error("the namespace `{namespace}` has {open} open uploads: finish or cancel some, or wait a day")]
    ManyUploads {
        /// The namespace.
        namespace: String,
        /// How many.
        open: usize,
    },
    /// The file system.
    #[error("cannot {action} `{path}`", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database.
    #[error("the database of the registry failed")]
    Database(#[from] redb::Error),
    /// A record that no version of ours wrote.
    #[error("a record of the registry's database is damaged")]
    Record(#[from] serde_json::Error),
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandom,
    /// Another process has it.
    #[error("`{}` is in use: a registry runs with this directory", .0.display())]
    Locked(PathBuf),
}

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

// === impl Store ===

impl Store {
    /// Opens or makes the store in `root`, and clears away what a crash left.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if a registry runs there; otherwise the file system or the database.
    pub fn open(root: &Path) -> Result<Self> {
        for folder in [root.to_owned(), root.join("blobs/sha256"), root.join("uploads")] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.map_err(io_failed("make", &folder))?;
        }
        let path = root.join("registry.redb");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(io_failed("open", &path))?;
        let database = match Database::builder().set_cache_size(tables::CACHE_BYTES).create_file(file) {
            Err(DatabaseError::DatabaseAlreadyOpen | DatabaseError::Storage(StorageError::Io(_))) => {
                return Err(StoreError::Locked(root.to_owned()));
            }
            opened => opened.map_err(redb::Error::from)?,
        };
        let store = Self { root: root.to_owned(), database };
        store.create_tables()?;
        store.recover()?;
        Ok(store)
    }

    /// The size of a blob of this repository, and the blob opened for reading.
    pub(crate) fn blob(&self, name: &RepositoryName, digest: &Digest) -> Result<(u64, File)> {
        let size = self.blob_size(name, digest)?;
        let path = self.blob_path(digest);
        Ok((size, File::open(&path).map_err(io_failed("open", &path))?))
    }

    /// The size of a blob of this repository.
    pub(crate) fn blob_size(&self, name: &RepositoryName, digest: &Digest) -> Result<u64> {
        let blobs = self.begin_read()?.open_table(tables::BLOBS).map_err(redb::Error::from)?;
        let link = blobs.get((name.as_str(), digest.to_string().as_str())).map_err(redb::Error::from)?;
        let link = link.ok_or_else(|| StoreError::NoBlob { name: name.clone(), digest: *digest })?;
        Ok(serde_json::from_slice::<tables::Link>(link.value())?.size)
    }

    /// Whether reading works; for a health check.
    pub(crate) fn is_healthy(&self) -> bool {
        self.begin_read().is_ok() && self.root.join("uploads").is_dir()
    }

    fn begin_read(&self) -> Result<redb::ReadTransaction> {
        Ok(self.database.begin_read().map_err(redb::Error::from)?)
    }

    fn begin_write(&self) -> Result<redb::WriteTransaction> {
        Ok(self.database.begin_write().map_err(redb::Error::from)?)
    }
}

fn io_failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}
