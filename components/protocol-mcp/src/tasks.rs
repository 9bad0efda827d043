//! Tasks: calls that outlive the request that started them (extension `io.modelcontextprotocol/tasks`).
//!
//! A task is a mailbox. The instance that runs the call posts [`Status`] after status; instances that serve `tasks/get`
//! read the newest; answers and a cancellation go the other way:
//!
//! ```text
//! T1790000000000              the first message: when it was created, milliseconds since 1970
//! S1790000000000 working      a status and since when; what belongs to it follows as JSON
//! U{"id":{...}}               `inputResponses` of a `tasks/update`
//! C                           `tasks/cancel`
//! ```

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::answer;
use crate::bindings::tidegate::gateway::mailboxes::Options;
use crate::errors::{INTERNAL, MISSING_CAPABILITY, RpcError};
use crate::gateway::{Gateway, Mailbox};
use crate::inputs;
use crate::json::{Id, Params, Request, Writer, text};
use crate::revision::NEWEST;

/// The extension's name.
pub(crate) const EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// A task is kept for an hour after its last use.
const KEPT_SECONDS: u32 = 3_600;
/// How often a client should ask.
const POLL_MILLISECONDS: u32 = 500;
/// Statuses, answers and cancellations of a task that are kept.
const MESSAGES: u32 = 1_024;

/// How a task stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It runs.
    Working,
    /// It waits for answers: an object of requests.
    InputRequired(String),
    /// It ended with a tool's result.
    Completed(String),
    /// It ended with an error object.
    Failed(String),
    /// It was cancelled.
    Cancelled,
}

/// What a client asked of a task.
pub(crate) enum Wish {
    /// To go on with these answers: an object, as JSON.
    Answers(String),
    /// To stop.
    Cancel,
}

/// A task.
pub(crate) struct Task<M> {
    mailbox: M,
    created: u64,
    /// The number of the last message that was read.
    pub(crate) seen: u64,
}

// === impl Status ===

impl Status {
    fn name(&self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired(_) => "input_required",
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn encode(&self, now: u64) -> Vec<u8> {
        let json = match self {
            Self::InputRequired(json) | Self::Completed(json) | Self::Failed(json) => json,
            Self::Working | Self::Cancelled => "",
        };
        format!("S{now} {} {json}", self.name()).into_bytes()
    }

    fn decode(text: &str) -> Option<(u64, Self)> {
        let mut words = text.splitn(3, ' ');
        let since = words.next()?.parse().ok()?;
        let (name, json) = (words.next()?, words.next()?.to_owned());
        let status = match name {
            "working" => Self::Working,
            "input_required" => Self::InputRequired(json),
            "completed" => Self::Completed(json),
            "failed" => Self::Failed(json),
            "cancelled" => Self::Cancelled,
            _ => return None,
        };
        Some((since, status))
    }

    fn is_final(&self) -> bool {
        !matches!(self, Self::Working | Self::InputRequired(_))
    }
}

// === impl Task ===

impl<M: Mailbox> Task<M> {
    /// Makes a task; `tasks/get` finds it from now on.
    ///
    /// # Errors
    /// -32603 when the node can hold no more.
    pub(crate) fn make<G: Gateway<Mailbox = M>>(gateway: &G) -> Result<Self, RpcError> {
        let created = gateway.now();
        let options = Options { idle_seconds: KEPT_SECONDS, messages: MESSAGES, durable: false, within: None };
        let made = gateway.make(options, format!("T{created}").as_bytes());
        let mailbox = made.map_err(|_| RpcError::new(INTERNAL, "the node can hold no more tasks; try again later"))?;
        Ok(Self { mailbox, created, seen: 1 })
    }

    /// Opens the task that parameters name.
    ///
    /// # Errors
    /// -32602 for what is no task of this node.
    pub(crate) fn open<G: Gateway<Mailbox = M>>(gateway: &G, params: &Params<'_>) -> Result<Self, RpcError> {
        let id = text("taskId", params.task_id)?;
        let stranger = || RpcError::params(format!("`{id}` is no task, or one that is forgotten"));
        let mailbox = gateway.open(&id).map_err(|_| stranger())?;
        let first = mailbox.read(0, 1).ok().and_then(|messages| messages.into_iter().next()).ok_or_else(stranger)?;
        let created = std::str::from_utf8(&first.body).ok().and_then(|text| text.strip_prefix('T'));
        let created = created.and_then(|text| text.parse().ok()).ok_or_else(stranger)?;
        Ok(Self { mailbox, created, seen: 1 })
    }

    /// Where wishes arrive.
    pub(crate) fn mailbox(&self) -> &M {
        &self.mailbox
    }

    /// Says how it stands. Nobody is there to be told when that fails: the task is forgotten then.
    pub(crate) fn post<G: Gateway>(&self, gateway: &G, status: &Status) {
        let _ = self.mailbox.post(&status.encode(gateway.now()));
    }

    /// What clients asked since the last call; `None` when the task is forgotten.
    pub(crate) fn wishes(&mut self) -> Option<Vec<Wish>> {
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

    /// How it stands and since when. Questions that were answered are left out at once, although the call may not have
    /// seen the answers yet.
    fn status(&self) -> (u64, Status) {
        let mut status = (self.created, Status::Working);
        let mut answered: Vec<String> = Vec::new();
        for message in self.mailbox.read(1, MESSAGES).unwrap_or_default() {
            match std::str::from_utf8(&message.body).ok().and_then(|text| text.split_at_checked(1)) {
                Some(("S", text)) => {
                    if let Some(newer) = Status::decode(text) {
                        status = newer;
                        answered.clear();
                    }
                }
                Some(("U", json)) => answered.extend(members(json).into_keys()),
                _ => {}
            }
        }
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
        writer.field("taskId", &self.mailbox.id()).field("status", status.name());
        writer.field("createdAt", &timestamp(self.created)).field("lastUpdatedAt", &timestamp(since));
        writer.key("ttlMs").integer(u64::from(KEPT_SECONDS) * 1_000).key("pollIntervalMs").integer(POLL_MILLISECONDS);
    }

    /// The answer to the `tools/call` that became this task.
    pub(crate) fn created(&self, id: &Id) -> String {
        let mut writer = answer::begin(&NEWEST, id, "task");
        self.write(&mut writer, self.created, &Status::Working);
        answer::end(writer, &NEWEST, None)
    }

    /// The answer to `tasks/get`.
    fn detailed(&self, id: &Id) -> String {
        let (since, status) = self.status();
        let mut writer = answer::begin(&NEWEST, id, "complete");
        self.write(&mut writer, since, &status);
        match &status {
            Status::InputRequired(json) => writer.key("inputRequests").raw(json),
            Status::Completed(json) => writer.key("result").raw(json),
            Status::Failed(json) => writer.key("error").raw(json),
            Status::Working | Status::Cancelled => &mut writer,
        };
        answer::end(writer, &NEWEST, None)
    }
}

/// `tasks/get`.
pub(crate) fn get<G: Gateway>(gateway: &G, request: &Request<'_>) -> Result<String, RpcError> {
    Ok(Task::open(gateway, &request.params)?.detailed(&request.id))
}

/// `tasks/update`: answers to questions of the task. Answers to what was not asked are left alone.
pub(crate) fn update<G: Gateway>(gateway: &G, request: &Request<'_>) -> Result<String, RpcError> {
    let task = Task::open(gateway, &request.params)?;
    let raw = request.params.input_responses.ok_or_else(|| RpcError::params("`inputResponses` is missing"))?;
    let open = match task.status().1 {
        Status::InputRequired(json) => members(&json),
        _ => BTreeMap::new(),
    };
    inputs::responses_to(raw.get(), |id| open.contains_key(id))?;
    wish(&task, format!("U{}", raw.get()).as_bytes())?;
    Ok(answer::empty(&NEWEST, &request.id))
}

/// `tasks/cancel`. Idempotent.
pub(crate) fn cancel<G: Gateway>(gateway: &G, request: &Request<'_>) -> Result<String, RpcError> {
    let task = Task::open(gateway, &request.params)?;
    wish(&task, b"C")?;
    Ok(answer::empty(&NEWEST, &request.id))
}

fn wish<M: Mailbox>(task: &Task<M>, body: &[u8]) -> Result<(), RpcError> {
    if task.status().1.is_final() {
        return Ok(());
    }
    task.mailbox.post(body).map(|_| ()).map_err(|_| RpcError::new(INTERNAL, "the task could not be told"))
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

/// ISO 8601 in UTC, from milliseconds since 1970. Days to dates by the method of Howard Hinnant's `civil_from_days`.
fn timestamp(milliseconds: u64) -> String {
    let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Days since 1 March of the year 0; an era has 400 years.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn moments_are_dates() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (1_795_176_000_000, "2026-11-20T12:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(milliseconds), expected);
        }
    }

    #[test]
    fn statuses_come_back() {
        let ask = Status::InputRequired("{\"a\": {}}".into());
        for status in
            [Status::Working, ask, Status::Completed("{}".into()), Status::Failed("{}".into()), Status::Cancelled]
        {
            let text = String::from_utf8(status.encode(7)).unwrap();
            assert_eq!(Status::decode(text.strip_prefix('S').unwrap()), Some((7, status)));
        }
        assert_eq!(Status::decode("7 tired "), None);
    }
}
