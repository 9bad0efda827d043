//! The one thread that changes the file.

use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Database, Durability, ReadableTable, Table};
use tokio::sync::{mpsc, oneshot};

use crate::{BOXES, MESSAGES, Row, Terms};

/// Changes that wait; with more, callers wait before they hand theirs in.
const QUEUE: usize = 64;
/// Most changes of one transaction. One waits for the disk as long as many, but none for ever.
const BATCH: usize = 64;
/// Most bytes of one transaction: it is in host memory until it is committed.
const BATCH_BYTES: usize = 16 << 20;

/// A change of one mailbox.
#[derive(Debug, Clone)]
pub enum Change {
    /// A new mailbox with its first message, number 1.
    Create {
        /// Whose.
        owner: String,
        /// Its id.
        id: String,
        /// On whose behalf; bytes that the router knows.
        client: Vec<u8>,
        /// How it is kept.
        terms: Terms,
        /// The message.
        first: Vec<u8>,
    },
    /// A message more; nothing for a mailbox that is gone.
    Post {
        /// Whose.
        owner: String,
        /// The mailbox.
        id: String,
        /// The message's number.
        number: u64,
        /// The message.
        body: Vec<u8>,
        /// Messages that make room.
        dropped: Vec<u64>,
        /// Now, in seconds since 1970.
        used: u64,
    },
    /// A mailbox and its messages go. Nothing for one that is gone.
    Remove {
        /// Whose.
        owner: String,
        /// The mailbox.
        id: String,
    },
}

/// The disk refused; the text says how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mailboxes' file: {0}")]
pub struct Failure(pub(crate) String);

type Answer = oneshot::Sender<Result<(), Failure>>;
type Boxes<'t> = Table<'t, (&'static str, &'static str), Row<'static>>;
type Messages<'t> = Table<'t, (&'static str, &'static str, u64), &'static [u8]>;

/// The way to the thread. The thread ends, and the file is closed, when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<(Change, Answer)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(database: Arc<Database>) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("mailbox-writer".to_owned());
        let thread = thread.spawn(move || run(&database, waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(crate) async fn change(&self, change: Change) -> Result<(), Failure> {
        let gone = || Failure("the thread that writes has ended".to_owned());
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
            tracing::error!("the thread that writes the mailboxes' file has panicked");
        }
    }
}

/// Makes the tables, and drops what ended while no host ran.
pub(crate) fn begin(database: &Database, now: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut boxes = transaction.open_table(BOXES)?;
        let mut messages = transaction.open_table(MESSAGES)?;
        let mut ended = Vec::new();
        for entry in boxes.iter()? {
            let (key, terms) = entry?;
            let (idle_seconds, limit, used, _) = terms.value();
            if (Terms { idle_seconds, messages: limit, used }).ended(now) {
                ended.push((key.value().0.to_owned(), key.value().1.to_owned()));
            }
        }
        for (owner, id) in &ended {
            remove(&mut boxes, &mut messages, owner, id)?;
        }
    }
    transaction.commit()?;
    Ok(())
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
        let outcome = commit(database, &changes).map_err(|error| {
            tracing::error!(%error, "the mailboxes' file cannot be written");
            Failure(error.to_string())
        });
        for answer in answers {
            // Who asked may be gone; the change is made all the same.
            _ = answer.send(outcome.clone());
        }
    }
}

/// All changes in one durable transaction, in order. On an error nothing was changed.
fn commit(database: &Database, changes: &[Change]) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    {
        let mut boxes = transaction.open_table(BOXES)?;
        let mut messages = transaction.open_table(MESSAGES)?;
        for change in changes {
            apply(change, &mut boxes, &mut messages)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn apply(change: &Change, boxes: &mut Boxes<'_>, messages: &mut Messages<'_>) -> Result<(), redb::Error> {
    match change {
        Change::Create { owner, id, client, terms, first } => {
            let row = (terms.idle_seconds, terms.messages, terms.used, client.as_slice());
            boxes.insert((owner.as_str(), id.as_str()), row)?;
            messages.insert((owner.as_str(), id.as_str(), 1), first.as_slice())?;
        }
        Change::Post { owner, id, number, body, dropped, used } => {
            let key = (owner.as_str(), id.as_str());
            let Some((idle, limit, client)) = boxes.get(key)?.map(|row| {
                let (idle, limit, _, client) = row.value();
                (idle, limit, client.to_vec())
            }) else {
                return Ok(());
            };
            boxes.insert(key, (idle, limit, *used, client.as_slice()))?;
            for number in dropped {
                messages.remove((key.0, key.1, *number))?;
            }
            messages.insert((key.0, key.1, *number), body.as_slice())?;
        }
        Change::Remove { owner, id } => remove(boxes, messages, owner, id)?,
    }
    Ok(())
}

fn remove(boxes: &mut Boxes<'_>, messages: &mut Messages<'_>, owner: &str, id: &str) -> Result<(), redb::Error> {
    boxes.remove((owner, id))?;
    messages.retain_in((owner, id, 0)..=(owner, id, u64::MAX), |_, _| false)?;
    Ok(())
}

impl Change {
    fn bytes(&self) -> usize {
        match self {
            Self::Create { first, .. } => first.len(),
            Self::Post { body, .. } => body.len(),
            Self::Remove { .. } => 0,
        }
    }
}
