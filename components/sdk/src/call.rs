//! The running call: what a tool can say and ask while it works.
use std::cell::RefCell;
use std::time::Duration;

use serde::Serialize;

use crate::ToolError;
use crate::ask::Answer;
use crate::bindings::imports::tidegate::tool::context::Context;
use crate::bindings::imports::wasi::io::poll::Pollable;
use crate::bindings::types::event::{Change, ClientFeatures};
use crate::content::Severity;

/// One running call.
pub struct Call<'a> {
    context: Option<&'a Context>,
    answers: Vec<Answer>,
    state: Option<Vec<u8>>,
    meta: Option<String>,
    reported: RefCell<Vec<String>>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        context: &'a Context,
        answers: Vec<Answer>,
        state: Option<Vec<u8>>,
        meta: Option<String>,
    ) -> Self {
        Self { context: Some(context), answers, state, meta, reported: RefCell::default() }
    }
}

impl Call<'_> {
    /// A call without a host, for tests: never cancelled, without a deadline, and what it reports is kept for
    /// [`Call::reported`].
    #[must_use]
    pub fn detached() -> Call<'static> {
        Call { context: None, answers: Vec::new(), state: None, meta: None, reported: RefCell::default() }
    }

    /// Lets a detached call be a later round: the answers, and the state that the round before left.
    #[must_use]
    pub fn with_answers(mut self, answers: Vec<Answer>, state: Option<Vec<u8>>) -> Self {
        self.answers = answers;
        self.state = state;
        self
    }

    /// Gives a detached call metadata of a caller: a JSON object.
    #[must_use]
    pub fn with_meta(mut self, meta: impl Into<String>) -> Self {
        self.meta = Some(meta.into());
        self
    }

    /// Reports progress. It must grow with every report; one report per 10 ms reaches the client, the last one always.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: &str) {
        match self.context {
            Some(context) => context.progress(progress, total, (!message.is_empty()).then_some(message)),
            None => self.reported.borrow_mut().push(format!("progress {progress} {message}")),
        }
    }

    /// Sends a message to the caller. For the node's own log use [`crate::log`].
    pub fn log(&self, severity: Severity, message: impl Serialize) {
        let data = serde_json::to_string(&message).unwrap_or_else(|error| format!("\"no JSON form: {error}\""));
        match self.context {
            Some(context) => context.log(severity, None, &data),
            None => self.reported.borrow_mut().push(format!("{severity:?} {data}")),
        }
    }

    /// True once the call was cancelled. Cheap: ask in loops.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.context.is_some_and(Context::is_cancelled)
    }

    /// Stops a long operation: `call.check()?` in its loop.
    ///
    /// # Errors
    /// [`ToolError::Cancelled`] once the call was cancelled.
    pub fn check(&self) -> Result<(), ToolError> {
        if self.is_cancelled() { Err(ToolError::Cancelled) } else { Ok(()) }
    }

    /// Ready once the call is cancelled, to wait for it and something else together. `None` when detached.
    #[must_use]
    pub fn cancelled(&self) -> Option<Pollable> {
        self.context.map(Context::cancelled)
    }

    /// Time until the deadline; zero when it has passed. A detached call has all the time there is.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.context.map_or(Duration::MAX, |context| Duration::from_nanos(context.remaining()))
    }

    /// What the client can answer: ask before you use [`crate::ask`]. A detached call answers nothing.
    #[must_use]
    pub fn client(&self) -> ClientFeatures {
        self.context.map_or(ClientFeatures::empty(), Context::client)
    }

    /// Says that a list or a resource of this component changed.
    pub fn changed(&self, change: &Change) {
        match self.context {
            Some(context) => context.changed(change),
            None => self.reported.borrow_mut().push(format!("changed {change:?}")),
        }
    }

    /// The answers to the questions of the round before; empty in the first round.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// The answer to the question of this id.
    #[must_use]
    pub fn answer(&self, id: &str) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.id == id)
    }

    /// What the round before left in the state of its questions.
    #[must_use]
    pub fn state(&self) -> Option<&[u8]> {
        self.state.as_deref()
    }

    /// The caller's metadata, a JSON object.
    #[must_use]
    pub fn meta(&self) -> Option<&str> {
        self.meta.as_deref()
    }

    /// What a detached call reported, one line each.
    #[must_use]
    pub fn reported(&self) -> Vec<String> {
        self.reported.borrow().clone()
    }
}
