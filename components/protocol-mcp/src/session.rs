//! What a conversation of the legacy era remembers, and how instances that serve its requests tell each other.
//!
//! Over HTTP a session is a mailbox whose id is `Mcp-Session-Id`: the first message says how to speak with the client
//! ([`encode`]), every later one is a [`Note`]. On a byte stream the same notes change a [`Session`] in memory.

use crate::bindings::tidegate::gateway::mailboxes::{Error, Options};
use crate::bindings::tidegate::types::content::Severity;
use crate::bindings::tidegate::types::event::ClientFeatures;
use crate::content::{severity, severity_name};
use crate::errors::{INTERNAL, INVALID_REQUEST, RpcError, SESSION_NOT_FOUND};
use crate::gateway::{Gateway, Mailbox};
use crate::revision::Revision;

/// How to speak with a client.
#[derive(Clone)]
pub(crate) struct View {
    /// In which revision.
    pub(crate) revision: &'static Revision,
    /// What it can answer.
    pub(crate) features: ClientFeatures,
    /// The least urgent message it wants. `None`: in the legacy era all, in the modern era none.
    pub(crate) level: Option<Severity>,
    /// Whether it knows tasks; `None` where they are not served.
    pub(crate) tasks: Option<bool>,
}

/// What a legacy conversation remembers.
pub(crate) struct Session {
    /// How to speak with the client.
    pub(crate) view: View,
    /// Resources whose changes it wants to know.
    pub(crate) resources: Vec<String>,
    /// Tasks that were made in it, the newest: what `tasks/list` gives where clients cannot be told apart otherwise.
    pub(crate) tasks: Vec<String>,
}

/// Something that other instances of a session must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The client wants messages from this severity on.
    Level(String),
    /// The client wants to know of changes of a resource.
    Subscribe(String),
    /// No longer.
    Unsubscribe(String),
    /// The client cancels the request with this id (JSON).
    Cancel(String),
    /// The client has a task with this id.
    Task(String),
    /// The client answers a request of ours: a JSON-RPC response.
    Answer(String),
    /// All that the notes up to a number made of the session: notes are forgotten, what they say is not.
    State(String),
}

/// A session over HTTP.
pub(crate) struct HttpSession<M> {
    /// What it remembers.
    pub(crate) session: Session,
    /// Where its notes go.
    pub(crate) mailbox: M,
    /// The number of the last note that was read.
    pub(crate) seen: u64,
}

/// Sessions that nobody uses are forgotten after half an hour, as a client that went away without a word leaves them.
const IDLE_SECONDS: u32 = 1_800;
/// Notes that are kept; the oldest go first, and by then they are answered or void, or in a [`Note::State`].
const NOTES: u32 = 1_024;
/// After so many notes their sum is noted: well before the first of them goes.
const SUM: u64 = 512;
/// Resources that a session may watch; a client that wants more watches the list instead.
const MOST_RESOURCES: usize = 1_024;
/// Tasks that a session remembers; the oldest go first. Older ones live on, for whoever kept their ids.
const MOST_TASKS: usize = 1_024;
const FEATURES: [(char, ClientFeatures); 5] = [
    ('f', ClientFeatures::ELICIT_FORM),
    ('u', ClientFeatures::ELICIT_URL),
    ('s', ClientFeatures::SAMPLING),
    ('t', ClientFeatures::SAMPLING_TOOLS),
    ('r', ClientFeatures::ROOTS),
];

// === impl Note ===

impl Note {
    /// How to speak with a client that said so after its session had begun.
    pub(crate) fn begin(view: &View) -> Self {
        Session::new(view.clone()).state(1)
    }

    /// One letter and the text.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (letter, text) = match self {
            Self::Level(text) => ('L', text),
            Self::Subscribe(text) => ('S', text),
            Self::Unsubscribe(text) => ('U', text),
            Self::Cancel(text) => ('C', text),
            Self::Task(text) => ('T', text),
            Self::Answer(text) => ('A', text),
            Self::State(text) => ('Z', text),
        };
        format!("{letter}{text}").into_bytes()
    }

    /// The reverse of [`Note::encode`].
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut letters = text.chars();
        let letter = letters.next()?;
        let rest = letters.as_str().to_owned();
        Some(match letter {
            'L' => Self::Level(rest),
            'S' => Self::Subscribe(rest),
            'U' => Self::Unsubscribe(rest),
            'C' => Self::Cancel(rest),
            'T' => Self::Task(rest),
            'A' => Self::Answer(rest),
            'Z' => Self::State(rest),
            _ => return None,
        })
    }
}

// === impl Session ===

impl Session {
    /// A session without notes yet.
    pub(crate) fn new(view: View) -> Self {
        Self { view, resources: Vec::new(), tasks: Vec::new() }
    }

    /// Remembers a note, if it is one to remember.
    pub(crate) fn apply(&mut self, note: &Note) {
        match note {
            Note::Level(name) => self.view.level = severity(name),
            Note::Subscribe(uri) if !self.resources.contains(uri) => self.resources.push(uri.clone()),
            Note::Unsubscribe(uri) => self.resources.retain(|one| one != uri),
            Note::Task(id) => {
                self.tasks.push(id.clone());
                let surplus = self.tasks.len().saturating_sub(MOST_TASKS);
                self.tasks.drain(..surplus);
            }
            Note::Subscribe(_) | Note::Cancel(_) | Note::Answer(_) | Note::State(_) => {}
        }
    }

    /// Itself as a note: what the notes up to that number made of it.
    fn state(&self, number: u64) -> Note {
        let resources = serde_json::to_string(&self.resources).unwrap_or_default();
        Note::State(format!("{number}\n{}\n{}\n{resources}", encode(&self.view), self.tasks.join(" ")))
    }

    /// The reverse of [`Session::state`].
    fn of_state(text: &str) -> Option<(u64, Self)> {
        let mut lines = text.splitn(4, '\n');
        let number = lines.next()?.parse().ok()?;
        let view = decode(lines.next()?.as_bytes())?;
        let tasks = lines.next()?.split_ascii_whitespace().map(str::to_owned).collect();
        let resources = serde_json::from_str(lines.next()?).ok()?;
        Some((number, Self { view, resources, tasks }))
    }
}

/// The first message of a session's mailbox: revision and features.
pub(crate) fn encode(view: &View) -> String {
    let mut text = format!("{} {}", view.revision.name, letters(view.features));
    if let Some(level) = view.level {
        text.push(' ');
        text.push_str(severity_name(level));
    }
    text
}

/// The reverse of [`encode`].
pub(crate) fn decode(bytes: &[u8]) -> Option<View> {
    let mut words = std::str::from_utf8(bytes).ok()?.split(' ');
    let revision = Revision::named(words.next()?).filter(|revision| !revision.is_modern())?;
    let features = features_of(words.next()?);
    Some(View { revision, features, level: words.next().and_then(severity), tasks: None })
}

/// Features, one letter each.
pub(crate) fn letters(features: ClientFeatures) -> String {
    FEATURES.iter().filter(|(_, one)| features.contains(*one)).map(|(letter, _)| letter).collect()
}

/// The reverse of [`letters`].
pub(crate) fn features_of(letters: &str) -> ClientFeatures {
    let known = FEATURES.iter().filter(|(letter, _)| letters.contains(*letter));
    known.fold(ClientFeatures::empty(), |all, (_, feature)| all | *feature)
}

// === impl HttpSession ===

impl<M: Mailbox> HttpSession<M> {
    /// Makes a session.
    ///
    /// # Errors
    /// 503 when the node holds as many as it can.
    pub(crate) fn make<G: Gateway<Mailbox = M>>(gateway: &G, view: View) -> Result<Self, RpcError> {
        let options = Options { idle_seconds: IDLE_SECONDS, messages: NOTES, durable: false, within: None };
        match gateway.make(options, encode(&view).as_bytes()) {
            Ok(mailbox) => Ok(Self { session: Session::new(view), mailbox, seen: 1 }),
            Err(Error::Full) => {
                Err(RpcError::new(INTERNAL, "too many sessions; end some, or try again later").status(503))
            }
            Err(_) => Err(RpcError::new(INTERNAL, "the node could not make a session").status(500)),
        }
    }

    /// Opens the session that a header names.
    ///
    /// # Errors
    /// 400 without a header, 404 when there is no such session (any more).
    pub(crate) fn open<G: Gateway<Mailbox = M>>(gateway: &G, id: Option<&str>) -> Result<Self, RpcError> {
        let id = id.ok_or_else(|| {
            let text = "`Mcp-Session-Id` is missing: send `initialize` first, then its session id with every request";
            RpcError::new(INVALID_REQUEST, text).status(400)
        })?;
        let gone = || RpcError::new(SESSION_NOT_FOUND, "session not found: send `initialize` again").status(404);
        let mailbox = gateway.open(id).map_err(|_| gone())?;
        let messages = mailbox.read(0, NOTES).map_err(|_| gone())?;
        let mut messages = messages.iter();
        let view = messages.next().and_then(|first| decode(&first.body)).ok_or_else(gone)?;
        let mut opened = Self { session: Session::new(view), mailbox, seen: 1 };
        let notes = messages.filter_map(|message| Some((message.number, Note::decode(&message.body)?)));
        let summed = opened.replay(&notes.collect::<Vec<_>>());
        if opened.seen - summed > SUM {
            // Tried again by the next instance if there is no room now.
            let _ = opened.post(&opened.session.state(opened.seen));
        }
        Ok(opened)
    }

    /// Applies all notes there are; gives the number up to which the newest sum goes.
    fn replay(&mut self, notes: &[(u64, Note)]) -> u64 {
        let sum = notes.iter().rev().find_map(|(_, note)| match note {
            Note::State(text) => Session::of_state(text),
            _ => None,
        });
        let (summed, session) = sum.map_or((1, None), |(number, session)| (number, Some(session)));
        if let Some(session) = session {
            self.session = session;
        }
        // A note between those that were summed and the sum itself came from another instance at the same time.
        for (number, note) in notes.iter().filter(|(number, _)| *number > summed) {
            self.session.apply(note);
            self.seen = *number;
        }
        summed
    }

    /// Whether the session may remember that.
    ///
    /// # Errors
    /// -32602 for one subscription too many.
    pub(crate) fn check(&self, note: &Note) -> Result<(), RpcError> {
        match note {
            Note::Subscribe(_) if self.session.resources.len() >= MOST_RESOURCES => {
                Err(RpcError::params(format!("a session watches {MOST_RESOURCES} resources at most")))
            }
            _ => Ok(()),
        }
    }

    /// Its id, as `Mcp-Session-Id` has it.
    pub(crate) fn session_id(&self) -> String {
        self.mailbox.id()
    }

    /// Tells the other instances, and the next ones.
    pub(crate) fn post(&self, note: &Note) -> Result<(), RpcError> {
        self.mailbox.post(&note.encode()).map(|_| ()).map_err(|error| match error {
            Error::Full => RpcError::new(INTERNAL, "the session's memory is full; try again later").status(503),
            Error::NotFound => RpcError::new(SESSION_NOT_FOUND, "the session has ended").status(404),
            Error::Unavailable(text) => RpcError::new(INTERNAL, text).status(503),
            Error::Invalid(_) => RpcError::new(INVALID_REQUEST, "the message is too long for a session").status(413),
        })
    }

    /// Notes that came since the last call; `None` when the session has ended.
    pub(crate) fn notes(&mut self) -> Option<Vec<Note>> {
        let messages = self.mailbox.read(self.seen, NOTES).ok()?;
        let mut notes = Vec::with_capacity(messages.len());
        for message in messages {
            self.seen = message.number;
            if let Some(note) = Note::decode(&message.body) {
                self.session.apply(&note);
                notes.push(note);
            }
        }
        Some(notes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_view_comes_back_from_its_mailbox() {
        let features = ClientFeatures::ELICIT_FORM | ClientFeatures::ROOTS;
        for (name, level) in [("2024-11-05", None), ("2025-11-25", Some(Severity::Alert))] {
            let view = View { revision: Revision::named(name).unwrap(), features, level, tasks: None };
            let back = decode(encode(&view).as_bytes()).unwrap();
            assert_eq!((back.revision.name, back.features, back.level), (name, features, level));
        }
        for bad in [&b""[..], b"2026-07-28 f", b"1999-01-01 ", b"2025-11-25", b"\xff\xff"] {
            assert!(decode(bad).is_none());
        }
    }

    #[test]
    fn notes_come_back() {
        for note in [Note::Level("info".into()), Note::Cancel("\"ü\"".into()), Note::Answer("{}".into())] {
            assert_eq!(Note::decode(&note.encode()), Some(note));
        }
        assert_eq!(Note::decode(b""), None);
        assert_eq!(Note::decode(b"?x"), None);
    }
}
