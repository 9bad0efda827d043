//! The one thread that changes a file.

use std::sync::Arc;
use std::thread::JoinHandle;

use redb::Database;
use tokio::sync::{mpsc, oneshot};

/// How one file is changed.
pub trait Changes: Send + 'static {
    /// A change.
    type Change: Send + 'static;
    /// What becomes of a change, for whoever asked for it.
    type Outcome: Send + 'static;

    /// The thread's name, at most 15 bytes; in messages too.
    const NAME: &'static str;
    /// Changes that wait; with more, callers wait before they hand theirs in.
    const QUEUE: usize;
    /// Most changes of one transaction. One waits for the disk as long as many, but none for ever.
    const BATCH: usize;
    /// Most bytes of one transaction: it is in host memory until it is committed.
    const BATCH_BYTES: usize;

    /// Bytes that a change brings.
    fn bytes(change: &Self::Change) -> usize;

    /// All changes in one durable transaction, in order; one outcome for each.
    ///
    /// # Errors
    /// The storage failed; then nothing was changed.
    fn commit(database: &Database, changes: &[Self::Change]) -> Result<Vec<Self::Outcome>, redb::Error>;

    /// What whoever asked is told when the storage failed.
    fn failed(error: &str) -> Self::Outcome;
}

/// The thread that writes has ended, and takes no more changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the thread that writes has ended")]
pub struct Stopped;

/// The way to the thread. The thread ends, and the file is closed, when this is dropped.
#[derive(Debug)]
pub struct Writer<C: Changes> {
    queue: Option<mpsc::Sender<Asked<C>>>,
    thread: Option<JoinHandle<()>>,
}

type Asked<C> = (<C as Changes>::Change, oneshot::Sender<<C as Changes>::Outcome>);

impl<C: Changes> Writer<C> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread for us.
    pub fn start(database: Arc<Database>) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(C::QUEUE);
        let thread = std::thread::Builder::new().name(C::NAME.to_owned());
        let thread = thread.spawn(move || run::<C>(&database, waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Makes a change; on the disk when this returns. Who stops waiting does not stop the change.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn change(&self, change: C::Change) -> Result<C::Outcome, Stopped> {
        let queue = self.queue.as_ref().ok_or(Stopped)?;
        let (answer, answered) = oneshot::channel();
        queue.send((change, answer)).await.map_err(|_| Stopped)?;
        answered.await.map_err(|_| Stopped)
    }
}

impl<C: Changes> Drop for Writer<C> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(thread = C::NAME, "a thread that writes has panicked");
        }
    }
}

fn run<C: Changes>(database: &Database, mut waiting: mpsc::Receiver<Asked<C>>) {
    while let Some((change, answer)) = waiting.blocking_recv() {
        let mut bytes = C::bytes(&change);
        let (mut changes, mut answers) = (vec![change], vec![answer]);
        while changes.len() < C::BATCH && bytes < C::BATCH_BYTES {
            let Ok((change, answer)) = waiting.try_recv() else { break };
            bytes += C::bytes(&change);
            changes.push(change);
            answers.push(answer);
        }
        let outcomes = C::commit(database, &changes).unwrap_or_else(|error| {
            tracing::error!(thread = C::NAME, %error, "a file cannot be written");
            let error = error.to_string();
            changes.iter().map(|_| C::failed(&error)).collect()
        });
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who asked may be gone (deadline, cancellation); the change is made all the same.
            _ = answer.send(outcome);
        }
    }
}
