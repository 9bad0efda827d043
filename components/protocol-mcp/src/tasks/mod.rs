//! Tasks: calls that outlive the request that started them, and the host: extension `io.modelcontextprotocol/tasks` of the
//! modern era, and what a revision with sessions has in its core ([`core`]).
//!
//! A task is a durable mailbox. The instance that runs the call ([`Work`]) posts [`Status`] after status; instances that
//! serve `tasks/get` read the newest; answers and a cancellation go the other way:
//!
//! ```text
//! T1790000000000 fs {...}     the first message: when it was created (milliseconds since 1970), what the client can
//!                             answer, and the request, for later rounds
//! L1790000000000 fs 2025-11-25 3600 {...}   the same of a task of the core: also its revision and for how many seconds it
//!                             is kept
//! S1790000000000 working      a status and since when; what belongs to it follows as JSON
//! K...                        what the round that asks left behind, for the next one
//! U{"id":{...}}               `inputResponses` of a `tasks/update`
//! C1790000000000              `tasks/cancel`; in the core the task is cancelled from this message on
//! X...                        the client will not answer what the task asked (core)
//! W                           an instance takes over a task whose own went with the host: the first such message wins
//! ```
//!
//! What happens to tasks whose host ended: docs/decisions/0019-tasks-after-a-restart.md.

mod awaited;
mod core;
mod requests;
mod status;
mod time;
mod watch;
mod work;

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::answer;
use crate::bindings::tidegate::gateway::mailboxes::{self, Options};
use crate::bindings::tidegate::types::event::ClientFeatures;
use crate::errors::{INTERNAL, MISSING_CAPABILITY, RpcError};
use crate::gateway::{Gateway, Mailbox};
use crate::json::{Id, Params, Writer, text};
use crate::revision::{NEWEST, Revision};
use crate::session::{View, features_of, letters};

pub(crate) use awaited::Awaited;
pub(crate) use core::{admit, cancel as cancel_core, get as get_core, list, seconds};
pub(crate) use requests::{adopt, cancel, get, update};
pub(crate) use status::Status;
pub(crate) use watch::{MOST as MOST_WATCHED, Watched};
pub(crate) use work::{Ended, Work, becomes_a_task};

/// The extension's name.
pub(crate) const EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// A call that ends within this time is answered at once, and so is one that asks: clients need not poll for what is
/// quick, and questions before the work has begun belong to the request.
pub(crate) const QUICK: std::time::Duration = std::time::Duration::from_millis(250);
/// A task is kept for an hour after its last use.
const KEPT_SECONDS: u32 = 3_600;
/// How often a client should ask.
const POLL_MILLISECONDS: u32 = 500;
/// Statuses, answers and cancellations of a task that are kept.
const MESSAGES: u32 = 1_024;

/// What a client asked of a task.
enum Wish {
    /// To go on with these answers: an object, as JSON.
    Answers(String),
    /// To go on without answers: it will give none, and says why.
    Refuse(String),
    /// To stop.
    Cancel,
}

/// Whose task it is; what belongs to one is nothing to the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The extension's.
    Extension,
    /// The core's, in a revision with sessions.
    Core,
}

impl Kind {
    /// How the first message begins.
    fn letter(self) -> char {
        match self {
            Self::Extension => 'T',
            Self::Core => 'L',
        }
    }
}

/// A task.
pub(crate) struct Task<M> {
    mailbox: M,
    id: String,
    created: u64,
    /// In which revision its client speaks.
    revision: &'static Revision,
    /// For how long it is kept after its last use.
    seconds: u32,
    /// What the client can answer.
    features: ClientFeatures,
    /// The request's message.
    request: String,
    /// The number of the last message that was read.
    seen: u64,
}

/// What the messages of a task say.
struct History {
    /// How it stands, and since when.
    status: (u64, Status),
    /// Questions of that status that have answers.
    answered: Vec<String>,
    /// What the round that asks left behind, as base64.
    kept: Option<String>,
    /// The number of the last message of an instance that runs it.
    worked: u64,
    /// The number of the message with the status.
    stands: u64,
}

// === impl Task ===

impl<M: Mailbox> Task<M> {
    /// Makes a task; `tasks/get` finds it from now on, also after a crash. `request` is the message that asked for it.
    ///
    /// # Errors
    /// -32603 when the node can hold no more.
    pub(crate) fn make<G: Gateway<Mailbox = M>>(gateway: &G, view: &View, request: String) -> Result<Self, RpcError> {
        Self::make_for(gateway, view, KEPT_SECONDS, request)
    }

    /// The same, kept for other than the usual time.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn make_for<G: Gateway<Mailbox = M>>(
        gateway: &G,
        view: &View,
        seconds: u32,
        request: String,
    ) -> Result<Self, RpcError> {
        let created = gateway.now();
        let (revision, features) = (view.revision, view.features);
        let options = Options { idle_seconds: seconds, messages: MESSAGES, durable: true, within: None };
        let first = if revision.is_modern() {
            format!("T{created} {} {request}", letters(features))
        } else {
            format!("L{created} {} {} {seconds} {request}", letters(features), revision.name)
        };
        let mailbox = gateway.make(options, first.as_bytes()).map_err(|error| {
            RpcError::new(
                INTERNAL,
                match error {
                    mailboxes::Error::Unavailable(text) => format!("the node cannot keep tasks: {text}"),
                    _ => "the node can hold no more tasks; try again later".to_owned(),
                },
            )
        })?;
        Ok(Self { id: mailbox.id(), mailbox, created, revision, seconds, features, request, seen: 1 })
    }

    /// Opens the task that parameters name; those of the other kind are none.
    ///
    /// # Errors
    /// -32602 for what is no task of this node.
    fn open<G: Gateway<Mailbox = M>>(gateway: &G, kind: Kind, params: &Params<'_>) -> Result<Self, RpcError> {
        let id = text("taskId", params.task_id)?;
        Self::find(gateway, kind, &id)
            .ok_or_else(|| RpcError::params(format!("`{id}` is no task, or one that is forgotten")))
    }

    fn find<G: Gateway<Mailbox = M>>(gateway: &G, kind: Kind, id: &str) -> Option<Self> {
        let mailbox = gateway.open(id).ok()?;
        let first = mailbox.read(0, 1).ok()?.into_iter().next()?;
        let text = String::from_utf8(first.body).ok()?;
        let (created, rest) = text.strip_prefix(kind.letter())?.split_once(' ')?;
        let (features, rest) = rest.split_once(' ')?;
        let (revision, seconds, request) = match kind {
            Kind::Extension => (&NEWEST, KEPT_SECONDS, rest),
            Kind::Core => {
                let (revision, rest) = rest.split_once(' ')?;
                let (seconds, request) = rest.split_once(' ')?;
                (Revision::named(revision)?, seconds.parse().ok()?, request)
            }
        };
        let (created, request) = (created.parse().ok()?, request.to_owned());
        let features = features_of(features);
        Some(Self { mailbox, id: id.to_owned(), created, revision, seconds, features, request, seen: 1 })
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    fn kind(&self) -> Kind {
        if self.revision.is_modern() { Kind::Extension } else { Kind::Core }
    }

    /// Where wishes arrive.
    pub(crate) fn mailbox(&self) -> &M {
        &self.mailbox
    }

    /// Says how it stands. Nobody is there to be told when that fails: the task is forgotten then, or the disk is full.
    fn post<G: Gateway>(&self, gateway: &G, status: &Status) {
        let _ = self.mailbox.post(status.encode(gateway.now()).as_bytes());
    }

    /// What clients asked since the last call; `None` when the task is forgotten.
    fn wishes(&mut self) -> Option<Vec<Wish>> {
        let mut wishes = Vec::new();
        for message in self.mailbox.read(self.seen, MESSAGES).ok()? {
            self.seen = message.number;
            match std::str::from_utf8(&message.body).ok().and_then(|text| text.split_at_checked(1)) {
                Some(("U", json)) => wishes.push(Wish::Answers(json.to_owned())),
                Some(("X", text)) => wishes.push(Wish::Refuse(text.to_owned())),
                Some(("C", _)) => wishes.push(Wish::Cancel),
                _ => {}
            }
        }
        Some(wishes)
    }

    fn history(&self) -> History {
        let status = (self.created, Status::Working);
        let mut history = History { status, answered: Vec::new(), kept: None, worked: 1, stands: 1 };
        let core = self.kind() == Kind::Core;
        for message in self.mailbox.read(1, MESSAGES).unwrap_or_default() {
            let ended = core && history.status.1.is_final();
            match std::str::from_utf8(&message.body).ok().and_then(|text| text.split_at_checked(1)) {
                // What ends it first is its end.
                Some(("S" | "C", _)) if ended => {}
                Some(("C", at)) if core => {
                    history.status = (at.parse().unwrap_or(history.status.0), Status::Cancelled);
                }
                Some(("S", text)) => {
                    if let Some(newer) = Status::decode(text) {
                        history.status = newer;
                        history.answered.clear();
                        (history.worked, history.stands) = (message.number, message.number);
                    }
                }
                Some(("U", json)) => history.answered.extend(members(json).into_keys()),
                Some(("K", kept)) => history.kept = Some(kept.to_owned()),
                Some(("W", _)) => history.worked = message.number,
                _ => {}
            }
        }
        history
    }

    /// How it stands and since when. Questions that were answered are left out at once, although the call may not have
    /// seen the answers yet.
    fn status(&self) -> (u64, Status) {
        let History { mut status, answered, .. } = self.history();
        if let (_, Status::InputRequired(json)) = &mut status {
            let mut open = members(json);
            open.retain(|id, _| !answered.contains(id));
            if open.is_empty() {
                status.1 = Status::Working;
            } else {
                let mut writer = Writer::default();
                writer.begin_object();
                for (id, request) in open {
                    writer.key(&id).raw(request.get());
                }
                writer.end_object();
                *json = writer.finish();
            }
        }
        status
    }

    /// The members of a `Task`.
    fn write(&self, writer: &mut Writer, since: u64, status: &Status) {
        let (name, ttl, poll) = match self.kind() {
            Kind::Extension => (status.name(), "ttlMs", "pollIntervalMs"),
            Kind::Core => (core::name(status), "ttl", "pollInterval"),
        };
        writer.field("taskId", &self.id).field("status", name);
        writer.field("createdAt", &time::timestamp(self.created)).field("lastUpdatedAt", &time::timestamp(since));
        writer.key(ttl).integer(u64::from(self.seconds) * 1_000).key(poll).integer(POLL_MILLISECONDS);
    }

    /// The members of a `DetailedTask`.
    fn write_detailed(&self, writer: &mut Writer) -> Status {
        let (since, status) = self.status();
        self.write(writer, since, &status);
        match &status {
            Status::InputRequired(json) => writer.key("inputRequests").raw(json),
            Status::Completed(json) => writer.key("result").raw(json),
            Status::Failed(json) => writer.key("error").raw(json),
            Status::Working | Status::Cancelled => writer,
        };
        status
    }

    /// The answer to the `tools/call` that became this task.
    pub(crate) fn created(&self, id: &Id) -> String {
        let mut writer = answer::begin(self.revision, id, "task");
        if self.kind() == Kind::Core {
            writer.key("task").begin_object();
        }
        self.write(&mut writer, self.created, &Status::Working);
        if self.kind() == Kind::Core {
            writer.end_object();
        }
        answer::end(writer, self.revision, None)
    }
}

/// The error for a client that did not say that it knows tasks.
pub(crate) fn undeclared() -> RpcError {
    let data = format!("{{\"requiredCapabilities\":{{\"extensions\":{{\"{EXTENSION}\":{{}}}}}}}}");
    let message = format!("this needs the extension `{EXTENSION}`, which the client did not declare");
    RpcError::new(MISSING_CAPABILITY, message).data(data).status(400)
}

fn members(json: &str) -> BTreeMap<String, Box<RawValue>> {
    serde_json::from_str(json).unwrap_or_default()
}
