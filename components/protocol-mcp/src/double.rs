//! A gateway for native tests: a test double of the WIT imports, with a catalog of one tool per behaviour, mailboxes in
//! memory, and hooks that play the client (or another instance) whenever the code under test would wait.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use crate::bindings::tidegate::gateway::calls::{Error, Event, Outcome, Request, Target};
use crate::bindings::tidegate::gateway::catalog::{Overview, PromptEntry, Range, ToolEntry};
use crate::bindings::tidegate::gateway::{mailboxes, seal};
use crate::bindings::tidegate::types::content::{Content, ResourceEntry, Severity, Text};
use crate::bindings::tidegate::types::event::Change;
use crate::bindings::tidegate::types::resources::Template;
use crate::bindings::tidegate::types::tools::{Annotations, Output, TaskSupport, Tool};
use crate::gateway::{Call, Gateway, Mailbox, Source, Watch};

type Script = Box<dyn Fn(&Request) -> Vec<Event>>;
type Describe = Box<dyn Fn(&mut Tool)>;
type Hook = Box<dyn FnOnce(&Double)>;
type Events = Rc<RefCell<VecDeque<Event>>>;
type Messages = Rc<RefCell<Vec<Vec<u8>>>>;

/// The double.
#[derive(Default)]
pub(crate) struct Double {
    tools: RefCell<BTreeMap<String, Script>>,
    changed: RefCell<BTreeMap<String, Describe>>,
    pub(crate) settings: RefCell<BTreeMap<String, String>>,
    /// The resources of the catalog.
    pub(crate) listed: RefCell<Vec<ResourceEntry>>,
    /// Every request that was started.
    pub(crate) started: RefCell<Vec<Request>>,
    boxes: RefCell<BTreeMap<String, Messages>>,
    /// Mailboxes within others: inner and outer.
    inner: RefCell<BTreeMap<String, String>>,
    /// The host was started after so many messages of every mailbox.
    pub(crate) inherited: Rc<RefCell<BTreeMap<String, u64>>>,
    pub(crate) changes: Rc<RefCell<Vec<Change>>>,
    hooks: RefCell<VecDeque<Hook>>,
    patient: RefCell<VecDeque<Hook>>,
    silent: RefCell<VecDeque<Hook>>,
    latest: RefCell<Option<Events>>,
    all: RefCell<Vec<std::rc::Weak<RefCell<VecDeque<Event>>>>>,
    counter: Cell<u64>,
    clock: Cell<u64>,
    /// The client is one that the host tells from others.
    pub(crate) known: Cell<bool>,
    /// The client of the request has gone.
    pub(crate) gone: Cell<bool>,
    /// How many calls were cancelled.
    pub(crate) cancels: Rc<Cell<u32>>,
    /// How many calls were waited for to their end.
    pub(crate) finishes: Rc<Cell<u32>>,
    /// Whether time passes when nothing else happens; without it, waiting for ever is a failure of the test.
    passes: Rc<Cell<bool>>,
    /// How often time has passed.
    passed: Cell<u32>,
}

pub(crate) struct DoubleCall {
    events: Events,
    passes: Rc<Cell<bool>>,
    finishes: Rc<Cell<u32>>,
    cancels: Rc<Cell<u32>>,
}

pub(crate) struct DoubleBox {
    id: String,
    inherited: Rc<RefCell<BTreeMap<String, u64>>>,
    messages: Messages,
}

pub(crate) struct DoubleWatch(Rc<RefCell<Vec<Change>>>);

/// A tool's output with one text.
pub(crate) fn text(text: &str) -> Output {
    let text = Text { text: text.to_owned(), annotations: None, meta: None };
    Output { content: vec![Content::Text(text)], structured: None, is_error: false, meta: None }
}

/// The end of a call: a text.
pub(crate) fn done(words: &str) -> Event {
    Event::Done(Ok(Outcome::Tool(text(words))))
}

impl Double {
    /// Adds a tool; the script gives the events of a call.
    pub(crate) fn tool(self, name: &str, script: impl Fn(&Request) -> Vec<Event> + 'static) -> Self {
        self.tools.borrow_mut().insert(name.to_owned(), Box::new(script));
        self
    }

    /// Sets a setting.
    pub(crate) fn with(self, key: &str, value: &str) -> Self {
        self.settings.borrow_mut().insert(key.to_owned(), value.to_owned());
        self
    }

    /// Does something when the code under test waits next with nothing ready.
    pub(crate) fn when_waiting(&self, hook: impl FnOnce(&Self) + 'static) {
        self.hooks.borrow_mut().push_back(Box::new(hook));
    }

    /// Ids of the mailboxes there are.
    pub(crate) fn boxes(&self) -> Vec<String> {
        self.boxes.borrow().keys().cloned().collect()
    }

    /// Does something when the code under test waits next with nothing ready and a minute's patience: the waits of a
    /// moment, for what is quick, end without it.
    pub(crate) fn when_waiting_without_end(&self, hook: impl FnOnce(&Self) + 'static) {
        self.patient.borrow_mut().push_back(Box::new(hook));
    }

    /// Does something after the code under test has waited so many times in vain.
    pub(crate) fn when_silent(&self, times: usize, hook: impl FnOnce(&Self) + 'static) {
        let mut silent = self.silent.borrow_mut();
        silent.extend((1..times).map(|_| Box::new(|_: &Self| ()) as Hook));
        silent.push_back(Box::new(hook));
    }

    /// Lets an event happen in the call that started last.
    pub(crate) fn happen(&self, event: Event) {
        if let Some(events) = self.latest.borrow().as_ref() {
            events.borrow_mut().push_back(event);
        }
    }

    /// Posts to the only session there is.
    pub(crate) fn post(&self, text: &str) {
        let boxes = self.boxes.borrow();
        boxes.values().next().unwrap().borrow_mut().push(text.as_bytes().to_vec());
    }

    /// Starts the host again: what is in mailboxes now was there before.
    pub(crate) fn restart(&self) {
        let boxes = self.boxes.borrow();
        let counts = boxes.iter().map(|(id, messages)| (id.clone(), messages.borrow().len() as u64));
        *self.inherited.borrow_mut() = counts.collect();
    }

    /// From now on time passes when nothing else happens, and ends what waits: calls by their deadline, streams by the
    /// client's leaving, mailboxes because nobody uses them.
    pub(crate) fn let_time_pass(&self) {
        self.passes.set(true);
    }

    /// Ends every call by its deadline.
    pub(crate) fn expire(&self) {
        for events in self.all.borrow().iter().filter_map(std::rc::Weak::upgrade) {
            events.borrow_mut().push_back(Event::Done(Err(Error::Deadline(1))));
        }
    }

    fn pass(&self) {
        self.passed.set(self.passed.get() + 1);
        self.expire();
        if self.passed.get() > 8 {
            self.gone.set(true);
        }
        if self.passed.get() > 16 {
            self.boxes.borrow().values().for_each(|messages| messages.borrow_mut().clear());
        }
    }

    /// Forgets every mailbox.
    pub(crate) fn forget(&self) {
        self.boxes.borrow_mut().clear();
    }

    /// Changes how a tool describes itself.
    pub(crate) fn describe(self, name: &str, change: impl Fn(&mut Tool) + 'static) -> Self {
        self.changed.borrow_mut().insert(name.to_owned(), Box::new(change));
        self
    }

    fn definition(&self, name: &str) -> Tool {
        let mut tool = Self::usual(name);
        if let Some(change) = self.changed.borrow().get(name) {
            change(&mut tool);
        }
        tool
    }

    fn usual(name: &str) -> Tool {
        Tool {
            name: name.to_owned(),
            title: Some(format!("{name}!")),
            description: "a tool".into(),
            input_schema: "{\n\"type\": \"object\",\r\n\"$schema\": \"https://json-schema.org/draft/2020-12/schema\"}"
                .into(),
            output_schema: Some("{\"type\":\"array\"}".into()),
            annotations: Some(Annotations {
                title: None,
                read_only: Some(true),
                destructive: None,
                idempotent: Some(false),
                open_world: None,
            }),
            icons: Vec::new(),
            task: TaskSupport::Forbidden,
            meta: Some("{\"a\":1}".into()),
        }
    }

    fn ready(&self, source: &Source<'_, Self>) -> bool {
        match source {
            Source::Call(call) => !call.events.borrow().is_empty(),
            Source::Mailbox(one, after) => {
                let gone = !self.boxes.borrow().contains_key(&one.id);
                gone || one.messages.borrow().is_empty() || one.messages.borrow().len() as u64 > *after
            }
            Source::Watch(watch) => !watch.0.borrow().is_empty(),
            Source::Closed => self.gone.get(),
            Source::Input => false,
        }
    }
}

impl Gateway for Double {
    type Call = DoubleCall;
    type Mailbox = DoubleBox;
    type Watch = DoubleWatch;

    fn overview(&self) -> Overview {
        let tools = u32::try_from(self.tools.borrow().len()).unwrap();
        Overview { revision: 1, tools, resources: 0, templates: 0, prompts: 0, completion: false }
    }

    fn tools(&self, range: Range) -> Vec<ToolEntry> {
        let tools = self.tools.borrow();
        let names = tools.keys().skip(range.offset as usize).take(range.limit as usize);
        names.map(|name| ToolEntry { component: "double".into(), definition: self.definition(name) }).collect()
    }

    fn tool(&self, name: &str) -> Option<ToolEntry> {
        let known = self.tools.borrow().contains_key(name);
        known.then(|| ToolEntry { component: "double".into(), definition: self.definition(name) })
    }

    fn resources(&self, range: Range) -> Vec<ResourceEntry> {
        self.listed.borrow().iter().skip(range.offset as usize).take(range.limit as usize).cloned().collect()
    }

    fn templates(&self, _: Range) -> Vec<Template> {
        Vec::new()
    }

    fn prompts(&self, _: Range) -> Vec<PromptEntry> {
        Vec::new()
    }

    fn start(&self, request: Request) -> DoubleCall {
        let events = match &request.target {
            Target::Tool(target) => match self.tools.borrow().get(&target.name) {
                Some(script) => script(&request),
                None => vec![Event::Done(Err(Error::NotFound(target.name.clone())))],
            },
            Target::Resource(target) => vec![Event::Done(Err(Error::NotFound(target.uri.clone())))],
            Target::Prompt(prompt) => vec![Event::Done(Err(Error::NotFound(prompt.name.clone())))],
            Target::Completion(_) => vec![Event::Done(Err(Error::NotFound("it".into())))],
        };
        self.started.borrow_mut().push(request);
        let events: Events = Rc::new(RefCell::new(events.into()));
        *self.latest.borrow_mut() = Some(events.clone());
        self.all.borrow_mut().push(Rc::downgrade(&events));
        let passes = self.passes.clone();
        DoubleCall { events, passes, cancels: self.cancels.clone(), finishes: self.finishes.clone() }
    }

    fn watch(&self) -> DoubleWatch {
        DoubleWatch(self.changes.clone())
    }

    fn make(&self, options: mailboxes::Options, first: &[u8]) -> Result<DoubleBox, mailboxes::Error> {
        let id = format!("{:032x}", self.random());
        let messages: Messages = Rc::new(RefCell::new(vec![first.to_vec()]));
        self.boxes.borrow_mut().insert(id.clone(), messages.clone());
        if let Some(outer) = options.within {
            if !self.boxes.borrow().contains_key(&outer) {
                return Err(mailboxes::Error::NotFound);
            }
            self.inner.borrow_mut().insert(id.clone(), outer);
        }
        Ok(DoubleBox { id, messages, inherited: self.inherited.clone() })
    }

    fn open(&self, id: &str) -> Result<DoubleBox, mailboxes::Error> {
        let messages = self.boxes.borrow().get(id).cloned().ok_or(mailboxes::Error::NotFound)?;
        Ok(DoubleBox { id: id.to_owned(), messages, inherited: self.inherited.clone() })
    }

    fn mailboxes(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>, mailboxes::Error> {
        let boxes = self.boxes.borrow();
        let after = boxes.keys().filter(|id| self.known.get() && after.is_none_or(|after| id.as_str() > after));
        Ok(after.take(limit as usize).cloned().collect())
    }

    fn setting(&self, key: &str) -> Option<String> {
        self.settings.borrow().get(key).cloned()
    }

    fn random(&self) -> u64 {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    fn now(&self) -> u64 {
        self.clock.set(self.clock.get() + 100);
        self.clock.get()
    }

    fn seal(&self, value: &[u8], context: &[u8], _: u32) -> Result<Vec<u8>, seal::Error> {
        // No secret here, but as particular as the host's about what it opens.
        let sum = |bytes: &[u8]| bytes.iter().fold(7u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(*byte));
        let head = [sum(context).to_be_bytes(), sum(value).to_be_bytes(), self.random().to_be_bytes()].concat();
        Ok([head.as_slice(), value].concat())
    }

    fn unseal(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, seal::Error> {
        let (_, value) = sealed.split_at_checked(24).ok_or(seal::Error::Invalid)?;
        let again = self.seal(value, context, 1)?;
        if again.get(..16) == sealed.get(..16) { Ok(value.to_vec()) } else { Err(seal::Error::Invalid) }
    }

    fn is_closed(&self) -> bool {
        self.gone.get()
    }

    fn log(&self, _: Severity, _: &str) {}

    fn wait(&self, sources: &[Source<'_, Self>], limit: Option<Duration>) -> bool {
        while !sources.iter().any(|source| self.ready(source)) {
            let patient = limit.is_none_or(|limit| limit >= Duration::from_secs(60));
            let hook = self.hooks.borrow_mut().pop_front();
            let hook = hook.or_else(|| if patient { self.patient.borrow_mut().pop_front() } else { None });
            match hook {
                Some(hook) => hook(self),
                None if self.passes.get() => {
                    self.pass();
                    return sources.iter().any(|source| self.ready(source));
                }
                None if limit.is_some() => {
                    let hook = self.silent.borrow_mut().pop_front();
                    hook.into_iter().for_each(|hook| hook(self));
                    return false;
                }
                None => panic!("it would wait for ever"),
            }
        }
        true
    }
}

impl Call for DoubleCall {
    fn next(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }

    fn finish(&self) -> Result<Outcome, Error> {
        let mut events = self.events.borrow_mut();
        self.finishes.set(self.finishes.get() + 1);
        loop {
            match events.pop_front() {
                Some(Event::Done(result)) => return result,
                Some(_) => {}
                None if self.passes.get() => return Err(Error::Deadline(1)),
                None => panic!("it would wait for ever"),
            }
        }
    }

    fn attend(&self) -> Result<Outcome, Error> {
        self.finish()
    }

    fn cancel(&self) {
        self.cancels.set(self.cancels.get() + 1);
        *self.events.borrow_mut() = VecDeque::from([Event::Done(Err(Error::Cancelled))]);
    }
}

impl Mailbox for DoubleBox {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn inherited(&self) -> u64 {
        self.inherited.borrow().get(&self.id).copied().unwrap_or(0)
    }

    fn post(&self, body: &[u8]) -> Result<u64, mailboxes::Error> {
        if self.messages.borrow().is_empty() {
            return Err(mailboxes::Error::NotFound);
        }
        self.messages.borrow_mut().push(body.to_vec());
        Ok(self.messages.borrow().len() as u64)
    }

    fn read(&self, after: u64, limit: u32) -> Result<Vec<mailboxes::Message>, mailboxes::Error> {
        if self.messages.borrow().is_empty() {
            return Err(mailboxes::Error::NotFound);
        }
        let messages = self.messages.borrow();
        let numbered = messages.iter().enumerate().map(|(at, body)| (at as u64 + 1, body.clone()));
        let wanted = numbered.filter(|(number, _)| *number > after).take(limit as usize);
        Ok(wanted.map(|(number, body)| mailboxes::Message { number, body }).collect())
    }

    fn close(&self) {
        self.messages.borrow_mut().clear();
    }
}

impl Watch for DoubleWatch {
    fn next(&self) -> Vec<Change> {
        std::mem::take(&mut self.0.borrow_mut())
    }
}
