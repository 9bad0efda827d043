//! What clients ask of tasks, and what becomes of those whose host ended.

use std::collections::BTreeMap;

use super::{Kind, Status, Task, Work, members};
use crate::answer;
use crate::bindings::tidegate::types::tools::Annotations;
use crate::errors::{INTERNAL, RpcError};
use crate::gateway::{Gateway, Mailbox};
use crate::inputs;
use crate::json::{Message, Params, Request, parse_message, string};
use crate::revision::{NEWEST, Revision};

/// `tasks/get`.
pub(crate) fn get<G: Gateway>(gateway: &G, request: &Request<'_>) -> Result<String, RpcError> {
    let task = Task::open(gateway, Kind::Extension, &request.params)?;
    task.bury(gateway);
    let mut writer = answer::begin(&NEWEST, &request.id, "complete");
    task.write_detailed(&mut writer);
    Ok(answer::end(writer, &NEWEST, None))
}

/// `tasks/update`: answers to questions of the task. Answers to what was not asked are left alone.
pub(crate) fn update<G: Gateway>(gateway: &G, request: &Request<'_>) -> Result<String, RpcError> {
    let task = Task::open(gateway, Kind::Extension, &request.params)?;
    let raw = request.params.input_responses.ok_or_else(|| RpcError::params("`inputResponses` is missing"))?;
    let open = match task.status().1 {
        Status::InputRequired(json) => members(&json),
        _ => BTreeMap::new(),
    };
    inputs::responses_to(raw.get(), |id| open.contains_key(id))?;
    task.tell(format!("U{}", raw.get()).as_bytes())?;
    Ok(answer::empty(&NEWEST, &request.id))
}

/// `tasks/cancel`. Idempotent.
pub(crate) fn cancel<G: Gateway>(gateway: &G, request: &Request<'_>) -> Result<String, RpcError> {
    let task = Task::open(gateway, Kind::Extension, &request.params)?;
    task.tell(b"C")?;
    if task.is_orphan() && task.claim() {
        task.post(gateway, &Status::Cancelled);
    }
    Ok(answer::empty(&NEWEST, &request.id))
}

/// The work on a task whose own instance went with the host, if this instance is to do it: a call that may run twice
/// starts again, one that waits for answers goes on when they come.
pub(crate) fn adopt<G: Gateway>(gateway: &G, revision: &Revision, params: &Params<'_>) -> Option<Work<G>> {
    let kind = if revision.is_modern() { Kind::Extension } else { Kind::Core };
    let task = Task::open(gateway, kind, params).ok()?;
    // Only a client's answer is a reason to wait for more of them.
    take_over(gateway, task, params.input_responses.is_some())
}

/// The work on a task whose own instance went with the host. `answered`: also if it waits for answers.
pub(super) fn take_over<G: Gateway>(gateway: &G, task: Task<G::Mailbox>, answered: bool) -> Option<Work<G>> {
    let goes_on = match task.history().status.1 {
        Status::InputRequired(_) => answered,
        Status::Working => task.is_repeatable(gateway),
        _ => false,
    };
    if !goes_on || !task.is_orphan() || !task.claim() {
        return None;
    }
    Work::adopt(gateway, task)
}

impl<M: Mailbox> Task<M> {
    pub(super) fn tell(&self, wish: &[u8]) -> Result<(), RpcError> {
        if self.status().1.is_final() {
            return Ok(());
        }
        self.mailbox.post(wish).map(|_| ()).map_err(|_| RpcError::new(INTERNAL, "the task could not be told"))
    }

    /// Whether no instance of this run of the host works on it, and it has not ended.
    pub(super) fn is_orphan(&self) -> bool {
        let inherited = self.mailbox.inherited();
        inherited > 0 && {
            let history = self.history();
            history.worked <= inherited && !history.status.1.is_final()
        }
    }

    /// Takes it over. Of several instances that try at once one succeeds: messages have one order.
    fn claim(&self) -> bool {
        let inherited = self.mailbox.inherited();
        let Ok(mine) = self.mailbox.post(b"W") else { return false };
        let since = self.mailbox.read(inherited, super::MESSAGES).unwrap_or_default();
        since.iter().find(|message| message.body == b"W").is_some_and(|first| first.number == mine)
    }

    /// Says of a call that ran when the host ended, and must not run twice, that it failed.
    pub(super) fn bury<G: Gateway<Mailbox = M>>(&self, gateway: &G) {
        if self.mailbox.inherited() == 0 || !self.is_orphan() {
            return;
        }
        if self.history().status.1 == Status::Working && !self.is_repeatable(gateway) && self.claim() {
            let text = "the node restarted while this ran, and the tool does not say that it may run twice: find out \
                        what it has done before you call it again";
            self.post(gateway, &Status::Failed(RpcError::new(INTERNAL, text).object()));
        }
    }

    /// Whether the tool says that a second run does no more than the first.
    fn is_repeatable<G: Gateway<Mailbox = M>>(&self, gateway: &G) -> bool {
        let Ok(Message::Request(request)) = parse_message(&self.request) else { return false };
        let tool = request.params.name.and_then(string).and_then(|name| gateway.tool(&name));
        let says = |hints: Annotations| hints.read_only == Some(true) || hints.idempotent == Some(true);
        tool.and_then(|tool| tool.definition.annotations).is_some_and(says)
    }
}
