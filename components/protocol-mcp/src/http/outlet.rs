//! Where the messages of one request go: into one JSON answer, or onto a stream that its client may leave and come back
//! to.

use super::log::{Entry, Log};
use super::stream::{Exit, Gone, Line, Reply};
use crate::gateway::Gateway;
use crate::session::HttpSession;

/// A client that lost its stream should wait so long until it comes back, in milliseconds: a server that restarts is not
/// met by all at once, and a person does not notice.
const RETRY: u32 = 500;

/// The way of a request's messages.
pub(super) struct Outlet<'a, G: Gateway, E> {
    gateway: &'a G,
    exit: &'a mut E,
    way: Way,
    /// What the client may come back for.
    log: Option<Log<G::Mailbox>>,
    /// A client that came back reads elsewhere.
    reader: bool,
    /// When the stream began, in milliseconds since 1970.
    began: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nothing was sent.
    Unused,
    /// Events are sent.
    Open,
    /// The client is not here any more; what comes is kept for it.
    Left,
}

impl<'a, G: Gateway, E: Exit> Outlet<'a, G, E> {
    /// An outlet that was not used.
    pub(super) fn new(gateway: &'a G, exit: &'a mut E) -> Self {
        Self { gateway, exit, way: Way::Unused, log: None, reader: false, began: 0 }
    }

    /// Whether a stream was begun.
    pub(super) fn is_stream(&self) -> bool {
        self.way != Way::Unused
    }

    /// Whether a client may come back for what is sent.
    pub(super) fn is_kept(&self) -> bool {
        self.log.is_some()
    }

    /// Whether the client reads here.
    pub(super) fn is_open(&self) -> bool {
        self.way == Way::Open
    }

    /// Whether a client reads, here or where it came back.
    pub(super) fn is_attended(&self) -> bool {
        self.is_open() || self.reader
    }

    /// How long the stream has been open, in milliseconds.
    pub(super) fn age(&self) -> u64 {
        if self.is_open() { self.gateway.now().saturating_sub(self.began) } else { 0 }
    }

    /// The log, to wait for clients that come back.
    pub(super) fn log(&self) -> Option<&Log<G::Mailbox>> {
        self.log.as_ref()
    }

    /// Begins the stream; of a session, with a log where the session has room for one. `own`: it is the session's own
    /// stream, not that of a request.
    pub(super) fn begin(&mut self, session: Option<&HttpSession<G::Mailbox>>, own: bool) -> Result<(), Gone> {
        if self.is_stream() {
            return Ok(());
        }
        self.way = Way::Open;
        self.began = self.gateway.now();
        if self.exit.is_resumable() {
            self.log = session.and_then(|session| Log::make(self.gateway, &session.mailbox, own));
        }
        let id = session.filter(|_| own).map(|session| session.session_id());
        let mut begun = self.exit.open(id.as_deref());
        if let (Some(log), Some(session)) = (&self.log, session)
            && session.session.view.revision.polling
        {
            let start = log.event(log.seen);
            begun = begun.and_then(|()| self.exit.write(&Line::Start(&start, RETRY)));
        }
        self.left(begun)
    }

    /// Sends a message on the stream that was begun.
    pub(super) fn event(&mut self, text: &str) -> Result<(), Gone> {
        let number = self.log.as_mut().and_then(|log| log.add(text));
        let id = self.log.as_ref().zip(number).map(|(log, number)| log.event(number));
        self.write(&Line::Message(id.as_deref(), text))
    }

    /// Shows proxies that the stream lives.
    pub(super) fn keep_alive(&mut self) -> Result<(), Gone> {
        self.write(&Line::KeepAlive)
    }

    fn write(&mut self, line: &Line<'_>) -> Result<(), Gone> {
        if self.way != Way::Open {
            return Ok(());
        }
        let written = self.exit.write(line);
        self.left(written)
    }

    /// A client that left is no failure where it may come back.
    fn left(&mut self, written: Result<(), Gone>) -> Result<(), Gone> {
        match (written, &self.log) {
            (Err(Gone), Some(_)) => {
                self.way = Way::Left;
                Ok(())
            }
            (other, _) => other,
        }
    }

    /// Sends the client away; it comes back for the rest.
    pub(super) fn close(&mut self) {
        if self.is_open() {
            self.exit.end();
            self.way = Way::Left;
        }
    }

    /// Looks whether a client came back or went; `None` when the log is forgotten.
    pub(super) fn look(&mut self) -> Option<()> {
        let Some(news) = self.log.as_mut().map(Log::news) else { return Some(()) };
        for entry in news? {
            match entry {
                Entry::Reader(_) => {
                    self.reader = true;
                    self.close();
                }
                Entry::Gone => self.reader = false,
                Entry::Event(..) | Entry::End => {}
            }
        }
        Some(())
    }

    /// Sends the last message, whole if nothing was sent before.
    pub(super) fn finish(&mut self, reply: Reply) -> Result<(), Gone> {
        if !self.is_stream() {
            self.exit.send(reply);
            return Ok(());
        }
        let sent = self.event(reply.body.as_deref().unwrap_or_default());
        self.complete();
        sent
    }

    /// Forgets what was sent: nothing more comes, and who comes back begins anew.
    pub(super) fn forget(&self) {
        if let Some(log) = &self.log {
            log.close();
        }
    }

    /// Says that nothing more comes.
    pub(super) fn complete(&mut self) {
        if let Some(log) = &mut self.log {
            log.end();
        }
        if self.way == Way::Unused {
            // A stream that ends: who cancelled gets no answer.
            let _ = self.exit.open(None);
        }
    }
}
