//! The tasks of the core (2025-11-25): a client asks for one with `task` in its request, and for the result later.
//!
//! Names of members, the errors, and what a failed tool is differ from the extension; mailbox, work and what a restart
//! does are the same.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{KEPT_SECONDS, Kind, Status, Task};
use crate::answer;
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::errors::{INTERNAL, METHOD_NOT_FOUND, RpcError};
use crate::gateway::Gateway;
use crate::json::{Params, Request, string, text};
use crate::revision::Revision;

/// No task is kept shorter: a client that lost its connection needs the time to come back.
const LEAST_SECONDS: u32 = 60;
/// Tasks on a page.
const PAGE: u32 = 50;

/// For how many seconds the task is kept that a request asks for: as long as the client wants, within bounds.
///
/// # Errors
/// -32602 when `task` does not fit.
pub(crate) fn seconds(raw: &RawValue) -> Result<u32, RpcError> {
    #[derive(Deserialize)]
    struct Wanted {
        ttl: Option<f64>,
    }
    crate::json::object("task", raw)?;
    let wanted: Wanted =
        serde_json::from_str(raw.get()).map_err(|_| RpcError::params("`task.ttl` must be a number of milliseconds"))?;
    let Some(milliseconds) = wanted.ttl else { return Ok(KEPT_SECONDS) };
    let seconds = (milliseconds / 1_000.0).ceil().clamp(f64::from(LEAST_SECONDS), f64::from(KEPT_SECONDS));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds of the line above")]
    Ok(seconds as u32)
}

/// Whether a tool may be asked for a task.
///
/// # Errors
/// -32601 when it may not, as the revision wants.
pub(crate) fn admit<G: Gateway>(gateway: &G, params: &Params<'_>) -> Result<(), RpcError> {
    let Some(name) = params.name.and_then(string) else { return Ok(()) };
    match gateway.tool(&name) {
        Some(tool) if tool.definition.task == TaskSupport::Forbidden => {
            Err(RpcError::new(METHOD_NOT_FOUND, format!("the tool `{name}` makes no tasks: call it without `task`")))
        }
        // A tool that is not there is what the call says.
        _ => Ok(()),
    }
}

/// `tasks/get`.
pub(crate) fn get<G: Gateway>(gateway: &G, request: &Request<'_>) -> Result<String, RpcError> {
    let task = Task::open(gateway, Kind::Core, &request.params)?;
    task.bury(gateway);
    Ok(said(&task, request))
}

/// `tasks/cancel`.
///
/// # Errors
/// -32602 for a task that has ended.
pub(crate) fn cancel<G: Gateway>(gateway: &G, request: &Request<'_>) -> Result<String, RpcError> {
    let task = Task::open(gateway, Kind::Core, &request.params)?;
    let ended = |task: &Task<G::Mailbox>| {
        let status = task.status().1;
        RpcError::params(format!("the task `{}` has ended: it is {}", task.id, name(&status)))
    };
    if task.status().1.is_final() {
        return Err(ended(&task));
    }
    task.tell(format!("C{}", gateway.now()).as_bytes())?;
    // Whichever of the call's end and this came first is the end, for everybody.
    match task.status().1 {
        Status::Cancelled => Ok(said(&task, request)),
        _ => Err(ended(&task)),
    }
}

/// `tasks/list`: those that the host knows to be the client's, and those that were made in its session.
///
/// # Errors
/// -32602 for a cursor which we did not make, -32603 when the node cannot say.
pub(crate) fn list<G: Gateway>(
    gateway: &G,
    revision: &Revision,
    request: &Request<'_>,
    session: &[String],
) -> Result<String, RpcError> {
    let after = match request.params.cursor.filter(|raw| raw.get() != "null") {
        None => None,
        Some(raw) => Some(
            decode(&text("cursor", Some(raw))?)
                .ok_or_else(|| RpcError::params("`cursor` is not one that this server gave for this list"))?,
        ),
    };
    let known = gateway
        .mailboxes(after.as_deref(), PAGE)
        .map_err(|_| RpcError::new(INTERNAL, "the node could not look for tasks; try again later"))?;
    let more = known.len() >= PAGE as usize;
    let after = after.as_deref().unwrap_or_default();
    let ids: BTreeSet<&str> = known.iter().chain(session).map(String::as_str).filter(|id| *id > after).collect();
    let page: Vec<&str> = ids.iter().copied().take(PAGE as usize).collect();
    let mut writer = answer::begin(revision, &request.id, "complete");
    writer.key("tasks").begin_array();
    for task in page.iter().filter_map(|id| Task::find(gateway, Kind::Core, id)) {
        let (since, status) = task.status();
        writer.begin_object();
        task.write(&mut writer, since, &status);
        writer.end_object();
    }
    writer.end_array();
    if let Some(last) = page.last().filter(|_| more || ids.len() > page.len()) {
        writer.field("nextCursor", &URL_SAFE_NO_PAD.encode(format!("tasks:{last}")));
    }
    Ok(answer::end(writer, revision, None))
}

fn decode(cursor: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let id = std::str::from_utf8(&bytes).ok()?.strip_prefix("tasks:")?;
    let fits = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    fits.then(|| id.to_owned())
}

fn said<M: crate::gateway::Mailbox>(task: &Task<M>, request: &Request<'_>) -> String {
    let (since, status) = task.status();
    let mut writer = answer::begin(task.revision, &request.id, "complete");
    task.write(&mut writer, since, &status);
    answer::end(writer, task.revision, None)
}

/// The name of a status: a tool that says it failed has failed.
pub(super) fn name(status: &Status) -> &'static str {
    #[derive(Deserialize)]
    struct Output {
        #[serde(rename = "isError", default)]
        is_error: bool,
    }
    match status {
        Status::Completed(json) if serde_json::from_str::<Output>(json).is_ok_and(|output| output.is_error) => "failed",
        status => status.name(),
    }
}
