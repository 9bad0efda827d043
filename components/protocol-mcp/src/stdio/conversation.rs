//! A conversation over a byte stream, without the bytes: lines in, lines out, and what to wait for between.

use std::time::Duration;

use serde_json::value::RawValue;

use super::becoming::{Becoming, Due};
use super::lines::Line;
use super::running::{Phase, ROUNDS, Running, advance, becoming};
use crate::answer;
use crate::errors::{INTERNAL, INVALID_REQUEST, RpcError};
use crate::exchange::{Planned, cancelled_id};
use crate::gateway::{Call, Gateway, Source, Watch};
use crate::json::{Frame, Message, Notification, Request, parse, parse_message};
use crate::methods::{Action, Listen, dispatch, initialize, initialized, legacy_change};
use crate::modern;
use crate::session::{Note, Session, View};
use crate::tasks::{self, Awaited, Ended, Task, Watched, Work};

/// Calls and subscriptions at once: the router has limits of its own, this one bounds what we remember.
const IN_FLIGHT: usize = 256;

/// One client.
pub(crate) struct Conversation<'g, G: Gateway> {
    gateway: &'g G,
    /// What a legacy client agreed to.
    session: Option<Session>,
    watch: Option<G::Watch>,
    running: Vec<Running<G::Call>>,
    listens: Vec<(Listen, Watched<G>)>,
    tasks: Vec<Work<G>>,
    /// Requests that wait for the end of a task.
    awaited: Vec<Awaited<G>>,
    /// The client says nothing more.
    closed: bool,
    batches: Vec<Batch>,
    out: Vec<String>,
}

/// Answers of a batch go out together.
struct Batch {
    number: u64,
    waits_for: usize,
    answers: Vec<String>,
}

impl<'g, G: Gateway> Conversation<'g, G> {
    /// A conversation that has not begun.
    pub(crate) fn new(gateway: &'g G) -> Self {
        Self {
            gateway,
            session: None,
            watch: None,
            running: Vec::new(),
            listens: Vec::new(),
            tasks: Vec::new(),
            awaited: Vec::new(),
            closed: false,
            batches: Vec::new(),
            out: Vec::new(),
        }
    }

    /// What to write, in order.
    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }

    /// Whether nothing runs. A task that asks does not run: it waits in its mailbox, for whatever host comes.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.awaited.is_empty() && self.tasks.iter().all(Work::is_asking)
    }

    /// How long to wait at most.
    pub(crate) fn limit(&self) -> Option<Duration> {
        let due = self.running.iter().filter_map(|one| one.task).map(|due| due.at).min()?;
        Some(Duration::from_millis(due.saturating_sub(self.gateway.now())))
    }

    /// What may happen next, besides a line.
    pub(crate) fn sources(&self) -> Vec<Source<'_, G>> {
        let calls = self.running.iter().filter_map(|one| match &one.phase {
            Phase::Call(call) => Some(Source::Call(call)),
            Phase::Asking(_) | Phase::Ended(_) => None,
        });
        let listens = self.listens.iter().flat_map(|(_, tasks)| tasks.sources());
        let tasks = self.tasks.iter().flat_map(Work::sources);
        let awaited = self.awaited.iter().flat_map(Awaited::sources);
        calls.chain(self.watch.iter().map(Source::Watch)).chain(listens).chain(tasks).chain(awaited).collect()
    }

    /// Takes a line.
    pub(crate) fn line(&mut self, line: &Line) {
        match line {
            Line::TooLong => {
                let error = RpcError::new(INVALID_REQUEST, "the message is longer than 8 MiB");
                self.out.push(error.message(None));
            }
            Line::Whole(bytes) => match parse(bytes) {
                Ok(Frame::One(message)) => self.message(message, std::str::from_utf8(bytes).unwrap_or_default(), None),
                Ok(Frame::Batch(parts)) => self.batch(&parts),
                Err(rejection) => self.out.push(rejection.error.message(rejection.id.as_ref())),
            },
        }
    }

    /// The input has ended: what runs may finish, what waits for the client cannot.
    pub(crate) fn end_of_input(&mut self) {
        self.out.extend(self.listens.drain(..).map(|(listen, _)| listen.end()));
        self.watch = None;
        self.closed = true;
        let (calls, asking) =
            self.running.drain(..).partition(|one| !matches!(one.phase, Phase::Asking(_)) || one.exchange.cancelled);
        self.running = calls;
        // It may still read: whoever asked for something gets an answer.
        for one in asking {
            let end = one.exchange.complaint("the client closed its input while a question to it was open");
            self.deliver(one.batch, end.into_text());
        }
        // The rounds of questions that may still come have nobody to answer them.
        for one in &mut self.running {
            one.rounds = ROUNDS;
        }
    }

    /// Looks at everything that may have happened.
    pub(crate) fn turn(&mut self) {
        for change in self.watch.iter().flat_map(Watch::next) {
            let session = self.session.iter().filter_map(|session| legacy_change(session, &change));
            self.out.extend(session.chain(self.listens.iter().filter_map(|(one, _)| one.notification(&change))));
        }
        let gateway = self.gateway;
        self.tasks.retain_mut(|work| work.advance(gateway));
        self.attend();
        for (listen, tasks) in &mut self.listens {
            self.out.extend(tasks.news(|writer| listen.tag(writer)));
        }
        let mut at = 0;
        while let Some(one) = self.running.get_mut(at) {
            match becoming(self.gateway, one) {
                Becoming::Later => {
                    at += 1;
                    continue;
                }
                Becoming::Task(ended) => {
                    let one = self.running.swap_remove(at);
                    self.become_task(one, ended);
                    continue;
                }
                Becoming::Call => one.task = None,
                Becoming::Ended(ended) => (one.task, one.phase) = (None, Phase::Ended(Some(ended))),
            }
            let Some(conclusion) = advance(self.gateway, one, &mut self.out) else {
                at += 1;
                continue;
            };
            let one = self.running.swap_remove(at);
            self.deliver(one.batch, conclusion.into_text());
        }
    }

    /// Looks at the tasks that somebody waits for.
    fn attend(&mut self) {
        let mut at = 0;
        while let Some(one) = self.awaited.get_mut(at) {
            let mut said = one.turn(self.gateway);
            self.out.append(&mut said.requests);
            if self.closed && one.is_asking() {
                let text = "the client closed its input while a question to it was open";
                said.answer = Some(RpcError::new(INTERNAL, text).message(Some(&one.id)));
            }
            match said.answer {
                Some(answer) => {
                    self.out.push(answer);
                    let work = self.awaited.swap_remove(at).into_work();
                    self.tasks.extend(work);
                }
                None => at += 1,
            }
        }
    }

    /// Sends an answer, or keeps it until the others of its batch are there.
    fn deliver(&mut self, batch: Option<u64>, text: Option<String>) {
        let Some(number) = batch else { return self.out.extend(text) };
        let Some(at) = self.batches.iter().position(|one| one.number == number) else { return };
        let Some(batch) = self.batches.get_mut(at) else { return };
        batch.answers.extend(text);
        batch.waits_for = batch.waits_for.saturating_sub(1);
        if batch.waits_for == 0 {
            let batch = self.batches.swap_remove(at);
            if !batch.answers.is_empty() {
                self.out.push(format!("[{}]", batch.answers.join(",")));
            }
        }
    }

    fn batch(&mut self, parts: &[&RawValue]) {
        let allowed = self.session.as_ref().is_some_and(|session| session.view.revision.batches);
        if !allowed || parts.is_empty() || parts.len() > IN_FLIGHT {
            let text = "batches belong to revision 2025-03-26 and have 1 to 256 messages";
            return self.out.push(RpcError::new(INVALID_REQUEST, text).message(None));
        }
        let number = self.gateway.random();
        // One more than there are: the batch must not end while it is being read.
        self.batches.push(Batch { number, waits_for: parts.len() + 1, answers: Vec::new() });
        for part in parts {
            match parse_message(part.get()) {
                Ok(message) => self.message(message, part.get(), Some(number)),
                Err(rejection) => self.deliver(Some(number), Some(rejection.error.message(rejection.id.as_ref()))),
            }
        }
        self.deliver(Some(number), None);
    }

    fn message(&mut self, message: Message<'_>, text: &str, batch: Option<u64>) {
        match message {
            Message::Request(request) => match self.request(&request, text, batch) {
                Ok(None) => {}
                Ok(answer) => self.deliver(batch, answer),
                Err(error) => self.deliver(batch, Some(error.message(Some(&request.id)))),
            },
            Message::Notification(one) => {
                self.notification(&one);
                self.deliver(batch, None);
            }
            Message::Response(_) => {
                let mut asking = self.running.iter_mut().filter_map(|one| match &mut one.phase {
                    Phase::Asking(asking) => Some(asking),
                    Phase::Call(_) | Phase::Ended(_) => None,
                });
                if !asking.any(|one| one.take(text)) {
                    let _ = self.awaited.iter_mut().any(|one| one.take(text));
                }
                self.deliver(batch, None);
            }
        }
    }

    /// Serves a request; `None` when its answer comes later.
    fn request(&mut self, request: &Request<'_>, text: &str, batch: Option<u64>) -> Result<Option<String>, RpcError> {
        let busy = self.running.iter().any(|one| one.exchange.id == request.id)
            || self.listens.iter().any(|(one, _)| one.id == request.id)
            || self.awaited.iter().any(|one| one.id == request.id);
        if busy {
            return Err(RpcError::new(INVALID_REQUEST, "a request with this `id` is still running"));
        }
        let view = match self.view(request)? {
            Some(view) => view,
            None => return self.begin(request).map(Some),
        };
        match dispatch(self.gateway, &view, request)? {
            Action::Answer(text) => Ok(Some(text)),
            Action::Note(note) => {
                self.note(&note);
                Ok(Some(answer::empty(view.revision, &request.id)))
            }
            Action::Task(text) => {
                self.tasks.extend(tasks::adopt(self.gateway, view.revision, &request.params));
                Ok(Some(text))
            }
            Action::ListTasks => {
                let own = self.session.as_ref().map(|session| session.tasks.as_slice()).unwrap_or_default();
                tasks::list(self.gateway, view.revision, request, own).map(Some)
            }
            _ if self.running.len() + self.listens.len() + self.tasks.len() + self.awaited.len() >= IN_FLIGHT => {
                Err(RpcError::new(INTERNAL, "too many requests are running; wait for answers"))
            }
            Action::Call(planned) => {
                let task = Due::of(self.gateway, &view, request)?;
                let Planned { exchange, request } = *planned;
                let phase = Phase::Call(self.gateway.start(request));
                self.running.push(Running { task, text: text.to_owned(), exchange, phase, rounds: 0, batch });
                Ok(None)
            }
            Action::Begin(planned, seconds) => self.begin_task(*planned, seconds, text).map(Some),
            Action::Await => {
                self.awaited.push(Awaited::open(self.gateway, request)?);
                Ok(None)
            }
            Action::Listen(listen) => {
                self.watch.get_or_insert_with(|| self.gateway.watch());
                let tasks = Watched::find(self.gateway, listen.tasks());
                self.out.push(listen.acknowledgement(tasks.ids()));
                self.listens.push((listen, tasks));
                Ok(None)
            }
        }
    }

    /// Makes a task of a call that was not quick; its request is answered.
    fn become_task(&mut self, one: Running<G::Call>, ended: Option<Ended>) {
        let Running { text, exchange, phase, batch, .. } = one;
        let answer = match Task::make(self.gateway, &exchange.view, text) {
            Err(error) => error.message(Some(&exchange.id)),
            Ok(task) => {
                let answer = task.created(&exchange.id);
                self.tasks.extend(match (ended, phase) {
                    (Some(ended), _) => Some(Work::ended(task, exchange, ended)),
                    (None, Phase::Call(call)) => Some(Work::new(task, exchange, call)),
                    (None, Phase::Asking(_) | Phase::Ended(_)) => None,
                });
                answer
            }
        };
        self.deliver(batch, Some(answer));
    }

    /// Makes a task of a call before it starts; gives the request's answer.
    fn begin_task(&mut self, planned: Planned, seconds: u32, text: &str) -> Result<String, RpcError> {
        let Planned { exchange, request } = planned;
        let task = Task::make_for(self.gateway, &exchange.view, seconds, text.to_owned())?;
        self.note(&Note::Task(task.id().to_owned()));
        let answer = task.created(&exchange.id);
        self.tasks.push(Work::new(task, exchange, self.gateway.start(request)));
        Ok(answer)
    }

    /// How to speak with the client; `None` for the request that agrees on it.
    fn view(&self, request: &Request<'_>) -> Result<Option<View>, RpcError> {
        if modern::claims(&request.params) {
            return modern::view(&request.params).map(Some);
        }
        match (&self.session, request.method.as_ref()) {
            (None, "initialize") => Ok(None),
            (Some(_), "initialize") => Err(RpcError::new(INVALID_REQUEST, "the session is initialized already")),
            (Some(session), _) => Ok(Some(session.view.clone())),
            (None, "ping") => {
                let features = crate::bindings::tidegate::types::event::ClientFeatures::empty();
                Ok(Some(View { revision: &crate::revision::NEWEST_LEGACY, features, level: None, tasks: None }))
            }
            (None, _) => {
                let text = "send `initialize` first, or name a revision in `_meta` as 2026-07-28 does";
                Err(RpcError::new(INVALID_REQUEST, text))
            }
        }
    }

    fn begin(&mut self, request: &Request<'_>) -> Result<String, RpcError> {
        let view = initialize(request)?;
        let text = initialized(self.gateway, view.revision, request);
        self.session = Some(Session::new(view));
        self.watch.get_or_insert_with(|| self.gateway.watch());
        Ok(text)
    }

    fn note(&mut self, note: &Note) {
        if let Some(session) = &mut self.session {
            session.apply(note);
            let legacy = self.running.iter_mut().filter(|one| !one.exchange.view.revision.is_modern());
            for one in legacy {
                one.exchange.view.level = session.view.level;
            }
        }
    }

    fn notification(&mut self, notification: &Notification<'_>) {
        if notification.method != "notifications/cancelled" {
            return;
        }
        let Some(id) = cancelled_id(&notification.params) else { return };
        self.listens.retain(|(one, _)| one.id.json() != id);
        if let Some(at) = self.awaited.iter().position(|one| one.id.json() == id) {
            // Who waits no longer: the task goes on.
            let work = self.awaited.swap_remove(at).into_work();
            self.tasks.extend(work);
        }
        for one in self.running.iter_mut().filter(|one| one.exchange.is_meant_by(&id)) {
            one.exchange.cancelled = true;
            if let Phase::Call(call) = &one.phase {
                call.cancel();
            }
        }
    }
}
