//! Opening a file, and the errors of that for people.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase as _, StorageError, TableHandle as _};

/// Bytes of pages that stay in memory for each file. The library's own choice is 1 GiB, more than many nodes have; the
/// kernel caches the file besides.
const CACHE: usize = 4 << 20;

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("`{0}` is in use by another process: stop the other host, or give this one another state directory")]
    InUse(PathBuf),
    /// What is in the file is no intact database.
    #[error("`{path}` is damaged: restore it from a backup, or move it away to start {without}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What one starts with, or without, when the file is gone.
        without: &'static str,
        /// What the storage found.
        source: Box<redb::Error>,
    },
    /// The file system refuses.
    #[error("cannot open `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: Box<redb::Error>,
    },
    /// No thread for writing.
    #[error("cannot start the thread that writes `{path}`")]
    Thread {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Opens a file or makes it, for the host's user only, also in a directory that others may enter; then has `prepare`
/// make what must be there. `without` ends the sentence "move it away to start ...".
///
/// # Errors
/// When another process holds it, when it is damaged, or when the disk refuses.
pub fn open(
    path: &Path,
    without: &'static str,
    prepare: impl FnOnce(&Database) -> Result<(), redb::Error>,
) -> Result<Database, OpenError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let opened = file.map_err(|error| DatabaseError::Storage(StorageError::Io(error)));
    let opened = opened.and_then(|file| Database::builder().set_cache_size(CACHE).create_file(file));
    let prepared = opened.map_err(redb::Error::from).and_then(|database| prepare(&database).map(|()| database));
    prepared.map_err(|source| {
        let (path, source) = (path.to_owned(), Box::new(source));
        match source.as_ref() {
            redb::Error::DatabaseAlreadyOpen => OpenError::InUse(path),
            // The storage says "invalid data" for a file that is no database at all.
            redb::Error::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => OpenError::Io { path, source },
            _ => OpenError::Damaged { path, without, source },
        }
    })
}

/// Whether all tables are there. Asking costs no wait for the disk; making them once more does, at each start of a node.
///
/// # Errors
/// When the file cannot be read.
pub fn has_tables(database: &Database, tables: &[&str]) -> Result<bool, redb::Error> {
    let there: Vec<_> = database.begin_read()?.list_tables()?.collect();
    Ok(tables.iter().all(|name| there.iter().any(|table| table.name() == *name)))
}
