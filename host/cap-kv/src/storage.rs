//! The database file: opening and reading.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, DatabaseError, ReadableDatabase, StorageError, TableDefinition};

use crate::limits;
use crate::writer::{Change, Failure, Writer};

/// Namespace and key to value.
pub(crate) const ENTRIES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("entries");
/// Namespace to the bytes of its keys and values.
pub(crate) const USAGE: TableDefinition<'_, &str, u64> = TableDefinition::new("usage");

/// A key and its value.
pub(crate) type Entry = (String, Vec<u8>);

/// The opened database.
#[derive(Debug)]
pub(crate) struct Storage {
    database: Arc<Database>,
    writer: Writer,
}

/// The key-value file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("`{0}` is in use by another process: stop the other host, or give this one another state directory")]
    InUse(PathBuf),
    /// What is in the file is no intact database.
    #[error("`{path}` is damaged: restore it from a backup, or move it away to start with empty namespaces")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the storage found.
        source: redb::Error,
    },
    /// The file system refuses.
    #[error("cannot open `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: redb::Error,
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

impl Storage {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        // What components keep is for the host's user, also in a directory that others may enter.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let database = file.map_err(|error| DatabaseError::Storage(StorageError::Io(error)));
        let database = database.and_then(|file| Database::builder().create_file(file));
        let database = Arc::new(database.map_err(|error| OpenError::database(path, error))?);
        create_tables(&database).map_err(|error| OpenError::storage(path, error))?;
        let writer = Writer::start(Arc::clone(&database))
            .map_err(|source| OpenError::Thread { path: path.to_owned(), source })?;
        Ok(Self { database, writer })
    }

    /// Makes a change; durable when it returns.
    pub(crate) async fn change(&self, change: Change) -> Result<bool, Failure> {
        self.writer.change(change).await
    }

    /// The value of a key. Blocks on the disk.
    pub(crate) fn get(&self, namespace: &str, key: &str) -> Result<Option<Vec<u8>>, redb::Error> {
        let entries = self.database.begin_read()?.open_table(ENTRIES)?;
        Ok(entries.get((namespace, key))?.map(|value| value.value().to_vec()))
    }

    /// Entries whose key starts with `prefix` and comes after `after`. Blocks on the disk.
    pub(crate) fn scan(
        &self,
        namespace: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, redb::Error> {
        let entries = self.database.begin_read()?.open_table(ENTRIES)?;
        let start = after.map_or(prefix, |after| after.max(prefix));
        let (mut found, mut bytes) = (Vec::new(), 0);
        for entry in entries.range((namespace, start)..)? {
            let (at, value) = entry?;
            let (owner, key) = at.value();
            if owner != namespace || !key.starts_with(prefix) || found.len() >= limit.min(limits::SCAN_ENTRIES) {
                break;
            }
            if after == Some(key) {
                continue;
            }
            bytes += key.len() + value.value().len();
            if bytes > limits::SCAN_BYTES && !found.is_empty() {
                break;
            }
            found.push((key.to_owned(), value.value().to_vec()));
        }
        Ok(found)
    }
}

/// Readers find the tables from the first moment.
fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(USAGE)?;
    transaction.commit()?;
    Ok(())
}

impl OpenError {
    fn database(path: &Path, error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::InUse(path.to_owned()),
            other => Self::storage(path, other.into()),
        }
    }

    fn storage(path: &Path, source: redb::Error) -> Self {
        let path = path.to_owned();
        match &source {
            // The storage says "invalid data" for a file that is no database at all.
            redb::Error::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => Self::Io { path, source },
            redb::Error::DatabaseAlreadyOpen => Self::InUse(path),
            _ => Self::Damaged { path, source },
        }
    }
}
