//! `tasks/result`: waits for the end of a task, and puts what the task asks to the client on the way.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::requests::take_over;
use super::{Kind, Status, Task, Work, members};
use crate::answer;
use crate::errors::{INTERNAL, RpcError};
use crate::gateway::{Gateway, Mailbox, Source};
use crate::inputs;
use crate::json::{Id, Message, Request, Writer, parse_message};

/// The member of `_meta` that names the task which a message belongs to.
const RELATED: &str = "io.modelcontextprotocol/related-task";

/// A `tasks/result` that has no answer yet.
pub(crate) struct Awaited<G: Gateway> {
    /// The request's id.
    pub(crate) id: Id,
    task: Task<G::Mailbox>,
    /// The work, if the instance that had it went with its host.
    work: Option<Work<G>>,
    /// Questions that were put and have no answer.
    put: Vec<Put>,
    /// The number of the message with the status whose questions were put.
    asked: u64,
    prefix: String,
}

struct Put {
    /// Our request's id, as JSON.
    id: String,
    question: String,
    /// The person: refusing is an answer. The model and the roots: it is not.
    personal: bool,
}

/// What to send.
#[derive(Default)]
pub(crate) struct Said {
    /// Requests to the client.
    pub(crate) requests: Vec<String>,
    /// The answer: then nothing more comes.
    pub(crate) answer: Option<String>,
}

impl<G: Gateway> Awaited<G> {
    /// Opens the task that a request names.
    ///
    /// # Errors
    /// -32602 for what is no task of this node.
    pub(crate) fn open(gateway: &G, request: &Request<'_>) -> Result<Self, RpcError> {
        let task = Task::open(gateway, Kind::Core, &request.params)?;
        task.bury(gateway);
        let prefix = format!("{:016x}", gateway.random());
        let id = request.id.clone();
        Ok(Self { id, task, work: None, put: Vec::new(), asked: 0, prefix })
    }

    /// What may happen next.
    pub(crate) fn sources(&self) -> Vec<Source<'_, G>> {
        let mut sources = vec![Source::Mailbox(self.task.mailbox(), self.task.seen)];
        sources.extend(self.work.iter().flat_map(Work::sources));
        sources
    }

    /// Whether the task waits for its client.
    pub(crate) fn is_asking(&self) -> bool {
        !self.put.is_empty()
    }

    /// The work that this took over, to be done when nobody waits here any more.
    pub(crate) fn into_work(self) -> Option<Work<G>> {
        self.work
    }

    /// Looks at the task.
    pub(crate) fn turn(&mut self, gateway: &G) -> Said {
        if self.work.is_none()
            && self.task.is_orphan()
            && let Some(task) = Task::find(gateway, Kind::Core, &self.task.id)
        {
            self.work = take_over(gateway, task, true);
        }
        if self.work.as_mut().is_some_and(|work| !work.advance(gateway)) {
            self.work = None;
        }
        if self.task.wishes().is_none() {
            let error = RpcError::params(format!("the task `{}` is forgotten", self.task.id));
            return Said { answer: Some(error.message(Some(&self.id))), ..Said::default() };
        }
        let history = self.task.history();
        match &history.status.1 {
            Status::InputRequired(json) if history.stands != self.asked => {
                self.asked = history.stands;
                let open = members(json).into_iter().filter(|(id, _)| !history.answered.contains(id));
                Said { requests: self.ask(open), ..Said::default() }
            }
            Status::Working | Status::InputRequired(_) => Said::default(),
            end => Said { answer: Some(self.answer(end)), ..Said::default() },
        }
    }

    fn ask(&mut self, open: impl Iterator<Item = (String, Box<RawValue>)>) -> Vec<String> {
        #[derive(Deserialize)]
        struct Question<'a> {
            method: &'a str,
            #[serde(borrow)]
            params: &'a RawValue,
        }
        self.put.clear();
        let mut requests = Vec::new();
        for (question, raw) in open {
            let Ok(Question { method, params }) = serde_json::from_str(raw.get()) else { continue };
            let id = Id::text(&format!("{}-{}-{}", self.prefix, self.asked, self.put.len()));
            let mut writer = Writer::with_capacity(256);
            writer.begin_object().field("jsonrpc", "2.0").key("id").raw(id.json()).field("method", method);
            writer.key("params").begin_object();
            for (name, value) in members(params.get()).iter().filter(|(name, _)| *name != "_meta") {
                writer.key(name).raw(value.get());
            }
            writer.key("_meta").raw(&self.related(None)).end_object().end_object();
            requests.push(writer.finish());
            self.put.push(Put { id: id.json().to_owned(), question, personal: method == "elicitation/create" });
        }
        requests
    }

    /// Takes the client's response to a question, if it is one to these.
    pub(crate) fn take(&mut self, response: &str) -> bool {
        let Ok(Message::Response(response)) = parse_message(response) else { return false };
        let Some(at) = self.put.iter().position(|one| one.id == response.id.json()) else { return false };
        let put = self.put.swap_remove(at);
        let wish = match response.result {
            Ok(raw) if inputs::reply(raw).is_some() => answered(&put.question, raw.get()),
            Ok(_) => "Xan answer that MCP does not know".to_owned(),
            Err(_) if put.personal => answered(&put.question, "{\"action\":\"cancel\"}"),
            Err(error) => format!("Xthe client did not answer a question: {}", error.get()),
        };
        // What cannot be posted is a task that is forgotten: that comes out at the next look.
        let _ = self.task.mailbox.post(wish.as_bytes());
        true
    }

    /// The answer once the task has ended: what its request would have been answered.
    fn answer(&self, end: &Status) -> String {
        let json = match end {
            Status::Completed(json) => json,
            Status::Failed(error) => {
                let mut writer = Writer::with_capacity(64 + error.len());
                writer.begin_object().field("jsonrpc", "2.0").key("id").raw(self.id.json());
                writer.key("error").raw(error).end_object();
                return writer.finish();
            }
            _ => return RpcError::new(INTERNAL, "the task was cancelled").message(Some(&self.id)),
        };
        let mut all = members(json);
        let meta = self.related(all.remove("_meta").as_deref());
        let mut writer = answer::begin(self.task.revision, &self.id, "complete");
        for (name, value) in &all {
            writer.key(name).raw(value.get());
        }
        answer::end(writer, self.task.revision, Some(&meta))
    }

    /// `_meta` of a message that belongs to the task.
    fn related(&self, meta: Option<&RawValue>) -> String {
        let rest: BTreeMap<String, Box<RawValue>> = meta.map(|raw| members(raw.get())).unwrap_or_default();
        let mut writer = Writer::default();
        writer.begin_object().key(RELATED).begin_object().field("taskId", &self.task.id).end_object();
        for (name, value) in rest.iter().filter(|(name, _)| *name != RELATED) {
            writer.key(name).raw(value.get());
        }
        writer.end_object();
        writer.finish()
    }
}

/// A wish with one answer.
fn answered(question: &str, json: &str) -> String {
    let mut writer = Writer::default();
    writer.begin_object().key(question).raw(json).end_object();
    format!("U{}", writer.finish())
}
