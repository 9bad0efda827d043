//! The database file: opening and reading.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, TableDefinition, TableHandle as _};
use tidegate_durable::{OpenError, Writer, has_tables};

use crate::limits;
use crate::writer::{Change, Failure, Kv};

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
    writer: Writer<Kv>,
}

impl Storage {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Arc::new(tidegate_durable::open(path, "with empty namespaces", create_tables)?);
        let writer = Writer::start(Arc::clone(&database))
            .map_err(|source| OpenError::Thread { path: path.to_owned(), source })?;
        Ok(Self { database, writer })
    }

    /// Makes a change; durable when it returns.
    pub(crate) async fn change(&self, change: Change) -> Result<bool, Failure> {
        self.writer.change(change).await.unwrap_or_else(|stopped| Err(Failure::Storage(stopped.to_string())))
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
    if has_tables(database, &[ENTRIES.name(), USAGE.name()])? {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(USAGE)?;
    transaction.commit()?;
    Ok(())
}
