//! What the one thread that changes the file does with changes.

use redb::{Database, Durability, ReadableTable, Table};
use tidegate_durable::Changes;

use crate::storage::{ENTRIES, USAGE};

/// A change of one key.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) namespace: String,
    pub(crate) key: String,
    pub(crate) kind: Kind,
    /// How many bytes the namespace may hold.
    pub(crate) quota: u64,
}

/// What to do with the key.
#[derive(Debug)]
pub(crate) enum Kind {
    Set(Vec<u8>),
    Delete,
    Swap { expected: Option<Vec<u8>>, value: Option<Vec<u8>> },
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The namespace may hold so many bytes; with the change it would hold more.
    Full { quota: u64, needed: u64 },
    /// The storage failed.
    Storage(String),
}

/// How the file is changed.
#[derive(Debug)]
pub(crate) struct Kv;

impl Changes for Kv {
    type Change = Change;
    /// Whether the change was made.
    type Outcome = Result<bool, Failure>;

    const NAME: &'static str = "kv-writer";
    const QUEUE: usize = 256;
    const BATCH: usize = 128;
    const BATCH_BYTES: usize = 8 << 20;

    fn bytes(change: &Change) -> usize {
        change.bytes()
    }

    fn commit(database: &Database, changes: &[Change]) -> Result<Vec<Self::Outcome>, redb::Error> {
        commit(database, changes)
    }

    fn failed(error: &str) -> Self::Outcome {
        Err(Failure::Storage(error.to_owned()))
    }
}

/// All changes in one durable transaction, in order; each sees those before it. On an error nothing was changed.
fn commit(database: &Database, changes: &[Change]) -> Result<Vec<Result<bool, Failure>>, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let outcomes = {
        let mut entries = transaction.open_table(ENTRIES)?;
        let mut usage = transaction.open_table(USAGE)?;
        changes.iter().map(|change| apply(change, &mut entries, &mut usage)).collect::<Result<Vec<_>, _>>()?
    };
    if outcomes.contains(&Ok(true)) {
        transaction.commit()?;
    } else {
        // Nothing was changed: no reason to wait for the disk.
        transaction.abort()?;
    }
    Ok(outcomes)
}

/// Whether the change was made.
fn apply(
    change: &Change,
    entries: &mut Table<'_, (&'static str, &'static str), &'static [u8]>,
    usage: &mut Table<'_, &'static str, u64>,
) -> Result<Result<bool, Failure>, redb::Error> {
    let at = (change.namespace.as_str(), change.key.as_str());
    let (present, as_expected) = match entries.get(at)? {
        None => (None, change.expects(None)),
        Some(value) => (Some(value.value().len()), change.expects(Some(value.value()))),
    };
    let value = match &change.kind {
        Kind::Set(value) => Some(value.as_slice()),
        Kind::Delete => None,
        Kind::Swap { value, .. } => value.as_deref(),
    };
    if !as_expected || (matches!(change.kind, Kind::Delete) && present.is_none()) {
        return Ok(Ok(false));
    }
    let size = |value: usize| u64::try_from(change.key.len() + value).unwrap_or(u64::MAX);
    let held = usage.get(at.0)?.map_or(0, |held| held.value());
    let without = held.saturating_sub(present.map_or(0, size));
    let needed = without.saturating_add(value.map_or(0, |value| size(value.len())));
    // What does not grow is allowed beyond the quota too: policy may have lowered it.
    if needed > change.quota && needed > held {
        return Ok(Err(Failure::Full { quota: change.quota, needed }));
    }
    match value {
        Some(value) => drop(entries.insert(at, value)?),
        None => drop(entries.remove(at)?),
    }
    usage.insert(at.0, needed)?;
    Ok(Ok(true))
}

impl Change {
    fn bytes(&self) -> usize {
        match &self.kind {
            Kind::Set(value) => value.len(),
            Kind::Delete => 0,
            Kind::Swap { expected, value } => {
                expected.as_ref().map_or(0, Vec::len) + value.as_ref().map_or(0, Vec::len)
            }
        }
    }

    fn expects(&self, present: Option<&[u8]>) -> bool {
        match &self.kind {
            Kind::Swap { expected, .. } => expected.as_deref() == present,
            Kind::Set(_) | Kind::Delete => true,
        }
    }
}
