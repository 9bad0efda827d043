//! Memory between the requests of one conversation: `tidegate:gateway/mailboxes`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tidegate_bindings::gateway::tidegate::gateway::mailboxes::{Error, Message, Options};
use tokio::sync::Notify;

/// Mailboxes of one component. A client that opens conversations without end must meet a wall before memory does.
const MAILBOXES: usize = 10_000;
/// Bytes in all mailboxes of one component, for the same reason.
const BYTES: usize = 64 << 20;
/// Bytes of one message: the largest body that a protocol keeps for resumption.
const MESSAGE: usize = 8 << 20;
/// Longest time without use.
const IDLE_SECONDS: u32 = 86_400;
/// Most messages of one mailbox.
const MESSAGES: u32 = 4_096;
/// Mailboxes that were idle too long are looked for at most this often.
const SWEEP: Duration = Duration::from_secs(1);

/// The mailboxes of one component.
pub(crate) struct Mailboxes {
    inner: Mutex<Inner>,
    random: Box<dyn Fn() -> Result<String, Error> + Send + Sync>,
}

#[derive(Default)]
struct Inner {
    boxes: HashMap<String, Entry>,
    bytes: usize,
    swept: Option<Instant>,
}

struct Entry {
    /// Whose it is.
    owner: Box<[u8]>,
    messages: VecDeque<Message>,
    next: u64,
    bytes: usize,
    limit: usize,
    idle: Duration,
    used: Instant,
    changed: Arc<Notify>,
}

impl Mailboxes {
    /// No mailboxes. `random` makes ids: 32 hexadecimal digits from 128 random bits.
    pub(crate) fn new(random: impl Fn() -> Result<String, Error> + Send + Sync + 'static) -> Self {
        Self { inner: Mutex::new(Inner::default()), random: Box::new(random) }
    }

    /// Makes a mailbox for `owner` and gives its id.
    ///
    /// # Errors
    /// When options or message are out of bounds, or there is no room.
    pub(crate) fn create(&self, owner: &[u8], options: Options, first: Vec<u8>) -> Result<String, Error> {
        check(&options, &first)?;
        let id = (self.random)()?;
        let mut inner = self.lock();
        inner.sweep(Instant::now());
        if inner.boxes.len() >= MAILBOXES || inner.bytes.saturating_add(first.len()) > BYTES {
            return Err(Error::Full);
        }
        inner.bytes += first.len();
        let entry = Entry {
            owner: owner.into(),
            bytes: first.len(),
            messages: VecDeque::from([Message { number: 1, body: first }]),
            next: 2,
            limit: options.messages as usize,
            idle: Duration::from_secs(options.idle_seconds.into()),
            used: Instant::now(),
            changed: Arc::new(Notify::new()),
        };
        inner.boxes.insert(id.clone(), entry);
        Ok(id)
    }

    /// Whether a mailbox of `owner` is there; it counts as used.
    ///
    /// # Errors
    /// When it is not, or is somebody else's: to them it is not there, and their asking does not keep it alive.
    pub(crate) fn open(&self, owner: &[u8], id: &str) -> Result<(), Error> {
        let mut inner = self.lock();
        if inner.boxes.get(id).is_some_and(|entry| *entry.owner != *owner) {
            return Err(Error::NotFound);
        }
        inner.entry(id).map(|_| ())
    }

    /// Adds a message and gives its number.
    ///
    /// # Errors
    /// When the mailbox is gone, the message is out of bounds, or there is no room.
    pub(crate) fn post(&self, id: &str, body: Vec<u8>) -> Result<u64, Error> {
        check_message(&body)?;
        let mut inner = self.lock();
        let room = BYTES.saturating_sub(inner.bytes);
        let entry = inner.entry(id)?;
        let before = entry.bytes;
        // The first message stays; the oldest of the others goes.
        while entry.messages.len() >= entry.limit.max(2) {
            let Some(dropped) = entry.messages.remove(1) else { break };
            entry.bytes -= dropped.body.len();
        }
        if body.len() > room.saturating_add(before - entry.bytes) {
            let after = entry.bytes;
            inner.bytes = inner.bytes + after - before;
            return Err(Error::Full);
        }
        let number = entry.next;
        entry.next += 1;
        entry.bytes += body.len();
        entry.messages.push_back(Message { number, body });
        entry.changed.notify_waiters();
        let after = entry.bytes;
        inner.bytes = inner.bytes + after - before;
        Ok(number)
    }

    /// Messages after a number, oldest first.
    ///
    /// # Errors
    /// When the mailbox is gone.
    pub(crate) fn read(&self, id: &str, after: u64, limit: u32) -> Result<Vec<Message>, Error> {
        let mut inner = self.lock();
        let entry = inner.entry(id)?;
        Ok(entry.messages.iter().filter(|message| message.number > after).take(limit as usize).cloned().collect())
    }

    /// Waits until there is a message after a number, or the mailbox is gone.
    pub(crate) async fn wait(&self, id: &str, after: u64) {
        loop {
            let changed = {
                let inner = self.lock();
                let Some(entry) = inner.boxes.get(id) else { return };
                if entry.next > after.saturating_add(1) {
                    return;
                }
                Arc::clone(&entry.changed)
            };
            let mut notified = std::pin::pin!(changed.notified());
            notified.as_mut().enable();
            let quiet = {
                let mut inner = self.lock();
                match inner.entry(id) {
                    Ok(entry) => entry.next <= after.saturating_add(1),
                    Err(_) => return,
                }
            };
            if quiet {
                // Whoever waits uses the mailbox: it is not forgotten under them.
                let _ = tokio::time::timeout(Duration::from_millis(500), notified).await;
            }
        }
    }

    /// Forgets a mailbox. Idempotent.
    pub(crate) fn close(&self, id: &str) {
        let mut inner = self.lock();
        if let Some(entry) = inner.boxes.remove(id) {
            inner.bytes -= entry.bytes;
            entry.changed.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn entry(&mut self, id: &str) -> Result<&mut Entry, Error> {
        let now = Instant::now();
        self.sweep(now);
        let entry = self.boxes.get_mut(id).ok_or(Error::NotFound)?;
        entry.used = now;
        Ok(entry)
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.duration_since(swept) < SWEEP) {
            return;
        }
        self.swept = Some(now);
        let bytes = &mut self.bytes;
        self.boxes.retain(|_, entry| {
            let keep = now.duration_since(entry.used) <= entry.idle;
            if !keep {
                *bytes -= entry.bytes;
                entry.changed.notify_waiters();
            }
            keep
        });
    }
}

fn check(options: &Options, first: &[u8]) -> Result<(), Error> {
    if options.idle_seconds == 0 || options.idle_seconds > IDLE_SECONDS {
        return Err(Error::Invalid(format!("`idle-seconds` is {}: from 1 to {IDLE_SECONDS}", options.idle_seconds)));
    }
    if options.messages == 0 || options.messages > MESSAGES {
        return Err(Error::Invalid(format!("`messages` is {}: from 1 to {MESSAGES}", options.messages)));
    }
    check_message(first)
}

fn check_message(body: &[u8]) -> Result<(), Error> {
    if body.len() > MESSAGE {
        return Err(Error::Invalid(format!("the message has {} bytes: at most {MESSAGE}", body.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
