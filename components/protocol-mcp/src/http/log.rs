//! What was sent on a stream of a legacy session, so that a client which lost its connection can come back for the rest.
//!
//! A stream is a mailbox within its session's. One instance writes, the one whose call or watch it is; the instance that
//! serves a client which came back reads. An event's id is `MAILBOX.NUMBER`, with `.all` behind it on the session's own
//! stream, which can be begun anew when its log is forgotten:
//!
//! ```text
//! S0123...   the first message: the session's id
//! E{...}     an event
//! R          a client came back: from here on nobody else delivers
//! G          it has gone again
//! F          nothing more comes
//! ```

use crate::bindings::tidegate::gateway::mailboxes::Options;
use crate::gateway::{Gateway, Mailbox};

/// For how long a client may come back.
pub(super) const IDLE_SECONDS: u32 = 60;
/// Events of a stream that are kept, the newest. Only reports of progress and log messages can be older: questions wait
/// for their answers, and a result is the last.
const MESSAGES: u32 = 1_024;

/// How ids of the session's own stream end.
const OWN: &str = ".all";

/// A stream's log.
pub(super) struct Log<M> {
    mailbox: M,
    id: String,
    /// Whether it is the session's own stream.
    own: bool,
    /// The number of the last message that was looked at.
    pub(super) seen: u64,
}

/// A message of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An event: its number and text.
    Event(u64, String),
    /// A reader came, with this message.
    Reader(u64),
    /// It has gone.
    Gone,
    /// The stream is complete.
    End,
}

impl<M: Mailbox> Log<M> {
    /// Makes a log within a session; nothing when the session has as many as it may, or none can be made.
    /// `own`: it is the session's own stream, not that of a request.
    pub(super) fn make<G: Gateway<Mailbox = M>>(gateway: &G, session: &M, own: bool) -> Option<Self> {
        let session = session.id();
        let first = format!("S{session}");
        let options = Options { idle_seconds: IDLE_SECONDS, messages: MESSAGES, durable: false, within: Some(session) };
        let mailbox = gateway.make(options, first.as_bytes()).ok()?;
        Some(Self { id: mailbox.id(), mailbox, own, seen: 1 })
    }

    /// Opens a log of a session.
    pub(super) fn open<G: Gateway<Mailbox = M>>(gateway: &G, session: &M, id: &str, seen: u64) -> Option<Self> {
        let mailbox = gateway.open(id).ok()?;
        let first = mailbox.read(0, 1).ok()?.into_iter().next()?;
        let owner = std::str::from_utf8(&first.body).ok()?.strip_prefix('S')?;
        (owner == session.id()).then(|| Self { mailbox, id: id.to_owned(), own: false, seen })
    }

    /// Opens the log that a `Last-Event-ID` names, at the place it names.
    pub(super) fn resume<G: Gateway<Mailbox = M>>(gateway: &G, session: &M, last: &str) -> Option<Self> {
        let (id, number) = last.strip_suffix(OWN).unwrap_or(last).split_once('.')?;
        let log = Self::open(gateway, session, id, number.parse().ok()?)?;
        Some(Self { own: is_own(last), ..log })
    }

    /// Where to wait.
    pub(super) fn mailbox(&self) -> &M {
        &self.mailbox
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The id of an event.
    pub(super) fn event(&self, number: u64) -> String {
        format!("{}.{number}{}", self.id, if self.own { OWN } else { "" })
    }

    /// Adds an event; gives its number, or nothing when it cannot be kept.
    pub(super) fn add(&mut self, text: &str) -> Option<u64> {
        self.post(&format!("E{text}"))
    }

    /// Says that nothing more comes.
    pub(super) fn end(&mut self) {
        self.post("F");
    }

    /// Forgets it: nobody writes to it any more.
    pub(super) fn close(&self) {
        self.mailbox.close();
    }

    /// Says that a client came back; gives the message's number.
    pub(super) fn come(&mut self) -> Option<u64> {
        self.mailbox.post(b"R").ok()
    }

    /// Says that it has gone.
    pub(super) fn go(&mut self) {
        self.post("G");
    }

    fn post(&mut self, text: &str) -> Option<u64> {
        let number = self.mailbox.post(text.as_bytes()).ok()?;
        if number == self.seen + 1 {
            self.seen = number;
        }
        Some(number)
    }

    /// What came since the last call, own messages apart; `None` when the log is forgotten.
    pub(super) fn news(&mut self) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        for message in self.mailbox.read(self.seen, MESSAGES).ok()? {
            self.seen = message.number;
            let text = String::from_utf8(message.body).unwrap_or_default();
            match text.split_at_checked(1) {
                Some(("E", text)) => entries.push(Entry::Event(message.number, text.to_owned())),
                Some(("R", _)) => entries.push(Entry::Reader(message.number)),
                Some(("G", _)) => entries.push(Entry::Gone),
                Some(("F", _)) => entries.push(Entry::End),
                _ => {}
            }
        }
        Some(entries)
    }
}

/// Whether a `Last-Event-ID` is of a session's own stream.
pub(super) fn is_own(last: &str) -> bool {
    last.ends_with(OWN)
}
