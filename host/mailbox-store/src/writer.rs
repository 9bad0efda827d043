//! What the one thread that changes the file does with changes.

use redb::{Database, Durability, ReadableDatabase as _, ReadableTable, Table, TableHandle as _, WriteTransaction};
use tidegate_durable::{Changes, has_tables};

use crate::{BOXES, MESSAGES, Row, Terms};

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

type Boxes<'t> = Table<'t, (&'static str, &'static str), Row<'static>>;
type Messages<'t> = Table<'t, (&'static str, &'static str, u64), &'static [u8]>;

/// How the file is changed.
#[derive(Debug)]
pub(crate) struct Mailboxes;

impl Changes for Mailboxes {
    type Change = Change;
    type Outcome = Result<(), Failure>;

    const NAME: &'static str = "mailbox-writer";
    const QUEUE: usize = 64;
    const BATCH: usize = 64;
    const BATCH_BYTES: usize = 16 << 20;

    fn bytes(change: &Change) -> usize {
        match change {
            Change::Create { first, .. } => first.len(),
            Change::Post { body, .. } => body.len(),
            Change::Remove { .. } => 0,
        }
    }

    fn commit(database: &Database, changes: &[Change]) -> Result<Vec<Self::Outcome>, redb::Error> {
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
        Ok(changes.iter().map(|_| Ok(())).collect())
    }

    fn failed(error: &str) -> Self::Outcome {
        Err(Failure(error.to_owned()))
    }
}

/// Makes the tables, and drops what ended while no host ran. Where there is nothing to do, nothing waits for the disk.
pub(crate) fn begin(database: &Database, now: u64) -> Result<(), redb::Error> {
    if has_tables(database, &[BOXES.name(), MESSAGES.name()])?
        && ended(&database.begin_read()?.open_table(BOXES)?, now)?.is_empty()
    {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    drop_ended(&transaction, now)?;
    Ok(transaction.commit()?)
}

fn drop_ended(transaction: &WriteTransaction, now: u64) -> Result<(), redb::Error> {
    let mut boxes = transaction.open_table(BOXES)?;
    let mut messages = transaction.open_table(MESSAGES)?;
    for (owner, id) in ended(&boxes, now)? {
        remove(&mut boxes, &mut messages, &owner, &id)?;
    }
    Ok(())
}

/// Owner and id of the mailboxes that were without use for too long.
fn ended(
    boxes: &impl ReadableTable<(&'static str, &'static str), Row<'static>>,
    now: u64,
) -> Result<Vec<(String, String)>, redb::Error> {
    let mut ended = Vec::new();
    for entry in boxes.iter()? {
        let (key, terms) = entry?;
        let (idle_seconds, limit, used, _) = terms.value();
        if (Terms { idle_seconds, messages: limit, used }).ended(now) {
            ended.push((key.value().0.to_owned(), key.value().1.to_owned()));
        }
    }
    Ok(ended)
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
