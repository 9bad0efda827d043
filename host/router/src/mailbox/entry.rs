//! One mailbox.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_bindings::gateway::tidegate::gateway::mailboxes::{Message, Options};
use tidegate_mailbox_store::Terms;
use tokio::sync::{Mutex, Notify};

use super::room::Kind;

/// A mailbox in memory.
pub(super) struct Entry {
    /// Whose it is.
    client: Box<[u8]>,
    messages: VecDeque<Message>,
    next: u64,
    bytes: usize,
    limit: u32,
    idle_seconds: u32,
    used: Instant,
    /// Who waits for a message.
    waiting: u32,
    changed: Arc<Notify>,
    inherited: u64,
    /// Of a durable one: whose turn it is to post.
    turn: Option<Arc<Mutex<()>>>,
    within: Option<String>,
    /// Those within this one.
    inner: Vec<String>,
}

impl Entry {
    /// A new mailbox.
    pub(super) fn new(client: &[u8], options: &Options, first: Vec<u8>) -> Self {
        Self {
            client: client.into(),
            bytes: first.len(),
            messages: VecDeque::from([Message { number: 1, body: first }]),
            next: 2,
            limit: options.messages,
            idle_seconds: options.idle_seconds,
            used: Instant::now(),
            waiting: 0,
            changed: Arc::new(Notify::new()),
            inherited: 0,
            turn: options.durable.then(Arc::default),
            within: options.within.clone(),
            inner: Vec::new(),
        }
    }

    /// One that the last run left.
    pub(super) fn restored(client: Vec<u8>, terms: &Terms, messages: Vec<(u64, Vec<u8>)>, now: u64) -> Self {
        let inherited = messages.last().map_or(0, |(number, _)| *number);
        let unused = Duration::from_secs(now.saturating_sub(terms.used));
        let here = Instant::now();
        Self {
            client: client.into(),
            bytes: messages.iter().map(|(_, body)| body.len()).sum(),
            messages: messages.into_iter().map(|(number, body)| Message { number, body }).collect(),
            next: inherited + 1,
            limit: terms.messages,
            idle_seconds: terms.idle_seconds,
            used: here.checked_sub(unused).unwrap_or(here),
            waiting: 0,
            changed: Arc::new(Notify::new()),
            inherited,
            turn: Some(Arc::default()),
            within: None,
            inner: Vec::new(),
        }
    }

    pub(super) fn client(&self) -> &[u8] {
        &self.client
    }

    pub(super) fn kind(&self) -> Kind {
        match (&self.turn, &self.within) {
            (Some(_), _) => Kind::Durable,
            (None, Some(_)) => Kind::Inner,
            (None, None) => Kind::Plain,
        }
    }

    /// Bytes of its messages.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn idle_seconds(&self) -> u32 {
        self.idle_seconds
    }

    pub(super) fn inherited(&self) -> u64 {
        self.inherited
    }

    pub(super) fn turn(&self) -> Option<Arc<Mutex<()>>> {
        self.turn.clone()
    }

    pub(super) fn within(&self) -> Option<&str> {
        self.within.as_deref()
    }

    pub(super) fn inner(&self) -> &[String] {
        &self.inner
    }

    pub(super) fn inner_mut(&mut self) -> &mut Vec<String> {
        &mut self.inner
    }

    /// The number of the message that comes next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn first(&self) -> Vec<u8> {
        self.messages.front().map(|message| message.body.clone()).unwrap_or_default()
    }

    /// Tells of the next change.
    pub(super) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn touch(&mut self) {
        self.used = Instant::now();
    }

    /// Counts one who waits, or no longer does.
    pub(super) fn waits(&mut self, begins: bool) {
        self.waiting = if begins { self.waiting.saturating_add(1) } else { self.waiting.saturating_sub(1) };
    }

    /// Whether it was idle too long, and nobody waits.
    pub(super) fn ended(&self, now: Instant) -> bool {
        self.waiting == 0 && now.saturating_duration_since(self.used) > Duration::from_secs(self.idle_seconds.into())
    }

    pub(super) fn read(&self, after: u64, limit: u32) -> Vec<Message> {
        self.messages.iter().filter(|message| message.number > after).take(limit as usize).cloned().collect()
    }

    /// Which messages go when one more comes: the oldest, but never the first.
    pub(super) fn surplus(&self) -> Vec<u64> {
        let most = (self.limit as usize).max(2);
        let surplus = (self.messages.len() + 1).saturating_sub(most);
        self.messages.iter().skip(1).take(surplus).map(|message| message.number).collect()
    }

    /// Drops them; gives the bytes that came free.
    pub(super) fn make_room(&mut self) -> usize {
        let before = self.bytes;
        for _ in self.surplus() {
            let Some(dropped) = self.messages.remove(1) else { break };
            self.bytes -= dropped.body.len();
        }
        before - self.bytes
    }

    /// Adds a message and gives its number.
    pub(super) fn push(&mut self, body: Vec<u8>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.bytes += body.len();
        self.messages.push_back(Message { number, body });
        self.touch();
        self.wake();
        number
    }

    #[cfg(test)]
    pub(super) fn age(&mut self, by: Duration) {
        self.used -= by;
    }
}
