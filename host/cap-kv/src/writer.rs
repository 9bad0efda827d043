//! The one thread that changes the database.

use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Database, Durability, ReadableTable, Table};
use tokio::sync::{mpsc, oneshot};

use crate::storage::{ENTRIES, USAGE};

/// Changes that wait; with more, callers wait before they hand theirs in.
const QUEUE: usize = 256;
/// Most changes of one transaction. One waits for the disk as long as many, but none for ever.
const BATCH: usize = 128;
/// Most bytes of one transaction: it is in host memory until it is committed.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

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

type Answer = oneshot::Sender<Result<bool, Failure>>;

/// The way to the thread. The thread ends, and the file is closed, when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<(Change, Answer)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(database: Arc<Database>) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("kv-writer".to_owned()).spawn(move || run(&database, waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(crate) async fn change(&self, change: Change) -> Result<bool, Failure> {
        let gone = || Failure::Storage("the thread that writes has ended".to_owned());
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        let (answer, answered) = oneshot::channel();
        queue.send((change, answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the key-value file has panicked");
        }
    }
}

fn run(database: &Database, mut waiting: mpsc::Receiver<(Change, Answer)>) {
    while let Some((change, answer)) = waiting.blocking_recv() {
        let mut bytes = change.bytes();
        let (mut changes, mut answers) = (vec![change], vec![answer]);
        while changes.len() < BATCH && bytes < BATCH_BYTES {
            let Ok((change, answer)) = waiting.try_recv() else { break };
            bytes += change.bytes();
            changes.push(change);
            answers.push(answer);
        }
        let outcomes = commit(database, &changes).unwrap_or_else(|error| {
            tracing::error!(%error, "the key-value file cannot be written");
            changes.iter().map(|_| Err(Failure::Storage(error.to_string()))).collect()
        });
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who asked may be gone (deadline, cancellation); the change is made all the same.
            _ = answer.send(outcome);
        }
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
