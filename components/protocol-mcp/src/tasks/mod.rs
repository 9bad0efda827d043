//! Tasks: calls that outlive the request that started them, and the host (extension `io.modelcontextprotocol/tasks`).
//!
//! A task is a durable mailbox. The instance that runs the call ([`Work`]) posts [`Status`] after status; instances that
//! serve `tasks/get` read the newest; answers and a cancellation go the other way:
//!
//! ```text
//! T1790000000000 fs {...}     the first message: when it was created (milliseconds since 1970), what the client can
//!                             answer, and the request, for later rounds
//! S1790000000000 working      a status and since when; what belongs to it follows as JSON
//! K...                        what the round that asks left behind, for the next one
//! U{"id":{...}}               `inputResponses` of a `tasks/update`
//! C                           `tasks/cancel`
//! W                           an instance takes over a task whose own went with the host: the first such message wins
//! ```
//!
//! What happens to tasks whose host ended: docs/decisions/0019-tasks-after-a-restart.md.

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
use crate::revision::NEWEST;
use crate::session::{features_of, letters};

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
    /// To stop.
    Cancel,
}

/// A task.
pub(crate) struct Task<M> {
    mailbox: M,
    id: String,
    created: u64,
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
    pub(crate) fn make<G: Gateway<Mailbox = M>>(
        gateway: &G,
        features: ClientFeatures,
        request: String,
    ) -> Result<Self, RpcError> {
        let created = gateway.now();
        let options = Options { idle_seconds: KEPT_SECONDS, messages: MESSAGES, durable: true, within: None };
        let first = format!("T{created} {} {request}", letters(features));
        let mailbox = gateway.make(options, first.as_bytes()).map_err(|error| {
            RpcError::new(
                INTERNAL,
                match error {
                    mailboxes::Error::Unavailable(text) => format!("the node cannot keep tasks: {text}"),
                    _ => "the node can hold no more tasks; try again later".to_owned(),
                },
            )
        })?;
        Ok(Self { id: mailbox.id(), mailbox, created, features, request, seen: 1 })
    }

    /// Opens the task that parameters name.
    ///
    /// # Errors
    /// -32602 for what is no task of this node.
    fn open<G: Gateway<Mailbox = M>>(gateway: &G, params: &Params<'_>) -> Result<Self, RpcError> {
        let id = text("taskId", params.task_id)?;
        Self::find(gateway, &id).ok_or_else(|| RpcError::params(format!("`{id}` is no task, or one that is forgotten")))
    }

    fn find<G: Gateway<Mailbox = M>>(gateway: &G, id: &str) -> Option<Self> {
        let mailbox = gateway.open(id).ok()?;
        let first = mailbox.read(0, 1).ok()?.into_iter().next()?;
        let text = String::from_utf8(first.body).ok()?;
        let mut words = text.strip_prefix('T')?.splitn(3, ' ');
        let created = words.next()?.parse().ok()?;
        let features = features_of(words.next()?);
        let request = words.next()?.to_owned();
        Some(Self { mailbox, id: id.to_owned(), created, features, request, seen: 1 })
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
                Some(("C", _)) => wishes.push(Wish::Cancel),
                _ => {}
            }
        }
        Some(wishes)
    }

    fn history(&self) -> History {
        let status = (self.created, Status::Working);
        let mut history = History { status, answered: Vec::new(), kept: None, worked: 1, stands: 1 };
        for message in self.mailbox.read(1, MESSAGES).unwrap_or_default() {
            match std::str::from_utf8(&message.body).ok().and_then(|text| text.split_at_checked(1)) {
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
        writer.field("taskId", &self.id).field("status", status.name());
        writer.field("createdAt", &time::timestamp(self.created)).field("lastUpdatedAt", &time::timestamp(since));
        writer.key("ttlMs").integer(u64::from(KEPT_SECONDS) * 1_000).key("pollIntervalMs").integer(POLL_MILLISECONDS);
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
        let mut writer = answer::begin(&NEWEST, id, "task");
        self.write(&mut writer, self.created, &Status::Working);
        answer::end(writer, &NEWEST, None)
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
