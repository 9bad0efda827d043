//! Mailboxes that outlive the host: one redb file for all of a node.
//!
//! Only keeps: bounds, ids, numbers and who waits for what are the router's. Every change is made by one writer thread,
//! which commits all changes that wait in one durable transaction: what was acknowledged is on the disk. What a crash
//! interrupts was not acknowledged, and is there as a whole or not at all.
//!
//! ```text
//! boxes:    owner, id         -> idle seconds, most messages, last use (seconds since 1970), client
//! messages: owner, id, number -> body
//! ```

mod writer;

use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, TableDefinition};
use tidegate_durable::{OpenError, Writer};

use crate::writer::Mailboxes;
pub use crate::writer::{Change, Failure};

/// How a mailbox is kept, and whose it is.
pub(crate) type Row<'r> = (u32, u32, u64, &'r [u8]);
pub(crate) const BOXES: TableDefinition<'_, (&str, &str), Row<'_>> = TableDefinition::new("boxes");
pub(crate) const MESSAGES: TableDefinition<'_, (&str, &str, u64), &[u8]> = TableDefinition::new("messages");

/// How a mailbox is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Forgotten after so many seconds without use.
    pub idle_seconds: u32,
    /// At most so many messages.
    pub messages: u32,
    /// When it was last used, in seconds since 1970.
    pub used: u64,
}

/// A mailbox as it was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// On whose behalf it was made.
    pub client: Vec<u8>,
    /// How it is kept.
    pub terms: Terms,
    /// Number and body of its messages, oldest first.
    pub messages: Vec<(u64, Vec<u8>)>,
}

/// The opened file. It is closed when this is dropped.
#[derive(Debug)]
pub struct Store {
    database: Arc<Database>,
    writer: Writer<Mailboxes>,
}

// === impl Terms ===

impl Terms {
    /// Whether it was without use for too long. A clock that was set back does not bring a mailbox to its end.
    #[must_use]
    pub fn ended(&self, now: u64) -> bool {
        now.saturating_sub(self.used) > u64::from(self.idle_seconds)
    }
}

// === impl Store ===

impl Store {
    /// Opens a file or makes it, and drops from it what was without use for too long at `now` (seconds since 1970).
    ///
    /// # Errors
    /// When another process holds it, when it is damaged, or when the disk refuses.
    pub fn open(path: &Path, now: u64) -> Result<Self, OpenError> {
        let database = tidegate_durable::open(path, "without the tasks it held", |file| writer::begin(file, now))?;
        let database = Arc::new(database);
        let writer = Writer::start(Arc::clone(&database))
            .map_err(|source| OpenError::Thread { path: path.to_owned(), source })?;
        Ok(Self { database, writer })
    }

    /// Makes a change; on the disk when it returns.
    ///
    /// # Errors
    /// When the disk refuses; then nothing was changed.
    pub async fn change(&self, change: Change) -> Result<(), Failure> {
        self.writer.change(change).await.unwrap_or_else(|stopped| Err(Failure(stopped.to_string())))
    }

    /// All mailboxes of an owner. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn load(&self, owner: &str) -> Result<Vec<Kept>, Failure> {
        self.read(owner).map_err(|error| Failure(error.to_string()))
    }

    fn read(&self, owner: &str) -> Result<Vec<Kept>, redb::Error> {
        let transaction = self.database.begin_read()?;
        let (boxes, messages) = (transaction.open_table(BOXES)?, transaction.open_table(MESSAGES)?);
        let mut kept = Vec::new();
        for entry in boxes.range((owner, "")..)? {
            let (key, terms) = entry?;
            let (of, id) = key.value();
            if of != owner {
                break;
            }
            let (idle_seconds, limit, used, client) = terms.value();
            let all = messages.range((owner, id, 0)..=(owner, id, u64::MAX))?;
            let all = all.map(|entry| entry.map(|(key, body)| (key.value().2, body.value().to_vec())));
            kept.push(Kept {
                id: id.to_owned(),
                client: client.to_vec(),
                terms: Terms { idle_seconds, messages: limit, used },
                messages: all.collect::<Result<_, _>>()?,
            });
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests;
