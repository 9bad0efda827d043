//! A text in the making, to one answer or to server-sent events.

use std::time::Duration;

use crate::error::{ApiError, Names};
use crate::http::{Exit, Gone, Reply};
use crate::logprobs::probabilities;
use crate::models::{Completion, Failure, GenerateRequest, Models, Step, Text, Token, Woken};
use crate::sampling::Delivery;
use crate::shapes::{Delta, Envelope, Probabilities, sse};

/// How long a stream may be silent before a comment goes out: proxies cut what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What ends a stream that went well.
const DONE: &str = "data: [DONE]\n\n";

/// Which of the two ways to ask for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Text,
}

/// A text that a client wants.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Of this model.
    pub(crate) model: String,
    /// In this shape.
    pub(crate) form: Form,
    /// This text.
    pub(crate) request: GenerateRequest,
    /// Sent so.
    pub(crate) delivery: Delivery,
    /// With these names in errors.
    pub(crate) names: Names,
}

/// Why there is no text.
enum Stopped {
    /// Nobody waits for it.
    Gone,
    /// For this reason.
    Failed(ApiError),
}

impl From<Gone> for Stopped {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

/// Makes a text and sends it.
pub(crate) fn generate<M: Models>(models: &M, wanted: Wanted, exit: &mut impl Exit) {
    let (model, delivery) = (wanted.model.clone(), wanted.delivery);
    let prefix = if wanted.form == Form::Chat { "chatcmpl" } else { "cmpl" };
    let id = format!("{prefix}-{:016x}{:016x}", models.random(), models.random());
    let envelope = Envelope { id, created: models.now(), model, form: wanted.form };
    let mut job = Job { models, logprobs: wanted.request.logprobs, names: wanted.names, envelope, tokens: Vec::new() };
    let text = models.generate(&wanted.model, wanted.request);
    let ended = if delivery.stream { job.stream(text, delivery, exit) } else { job.whole(text, exit) };
    if let Err(Stopped::Failed(error)) = ended {
        exit.send(Reply::error(&error));
    }
}

/// A text that is being made.
struct Job<'a, M: Models> {
    models: &'a M,
    logprobs: bool,
    names: Names,
    envelope: Envelope,
    /// Tokens so far, where their probabilities are wanted.
    tokens: Vec<Token>,
}

impl<M: Models> Job<'_, M> {
    fn whole(&mut self, text: M::Text, exit: &mut impl Exit) -> Result<(), Stopped> {
        let mut said = String::new();
        loop {
            match self.step(&text, &mut || Ok(()))? {
                Step::Prompt(_) => {}
                Step::Chunk(chunk) => {
                    said.push_str(&chunk.text);
                    self.keep(chunk.tokens);
                }
                Step::Done(completion) => {
                    // Only then the model is free for what follows.
                    drop(text);
                    let logprobs = self.probabilities()?;
                    exit.send(Reply::json(200, self.envelope.whole(&said, logprobs.as_ref(), &completion)));
                    return Ok(());
                }
            }
        }
    }

    /// Nothing is sent until the model has begun: what is refused before has a status of its own.
    fn stream(&mut self, text: M::Text, delivery: Delivery, exit: &mut impl Exit) -> Result<(), Stopped> {
        let first = self.step(&text, &mut || Ok(()))?;
        exit.open()?;
        match self.events(text, first, delivery, exit) {
            Err(Stopped::Failed(error)) => {
                // The status is sent already: clients read an error out of an event too.
                Ok(exit.write(&sse(&error.json()))?)
            }
            ended => ended,
        }
    }

    fn events(&mut self, text: M::Text, first: Step, delivery: Delivery, exit: &mut impl Exit) -> Result<(), Stopped> {
        if self.envelope.form == Form::Chat {
            exit.write(&self.event(&Delta::Role, delivery))?;
        }
        let mut step = first;
        let completion = loop {
            match step {
                Step::Prompt(_) => {}
                Step::Chunk(chunk) => {
                    if !chunk.text.is_empty() {
                        exit.write(&self.event(&Delta::Text(&chunk.text), delivery))?;
                    }
                    self.keep(chunk.tokens);
                }
                Step::Done(completion) => break completion,
            }
            step = self.step(&text, &mut || exit.write(": keep-alive\n\n"))?;
        };
        drop(text);
        let logprobs = self.probabilities()?;
        exit.write(&self.event(&Delta::End(completion.finish, logprobs), delivery))?;
        self.finish(&completion, delivery, exit)
    }

    fn finish(&self, completion: &Completion, delivery: Delivery, exit: &mut impl Exit) -> Result<(), Stopped> {
        if delivery.include_usage {
            exit.write(&sse(&self.envelope.usage(completion)))?;
        }
        Ok(exit.write(DONE)?)
    }

    fn event(&self, delta: &Delta<'_>, delivery: Delivery) -> String {
        sse(&self.envelope.event(delta, delivery.include_usage))
    }

    /// The next step; `idle` is done while there is none.
    fn step(&self, text: &M::Text, idle: &mut dyn FnMut() -> Result<(), Gone>) -> Result<Step, Stopped> {
        loop {
            // Also where steps come faster than they are sent.
            if self.models.is_closed() {
                return Err(Stopped::Gone);
            }
            match text.next() {
                Some(Ok(step)) => return Ok(step),
                Some(Err(failure)) => return Err(Stopped::Failed(self.error(&failure))),
                None => match self.models.wait(text, KEEP_ALIVE) {
                    Woken::Gone => return Err(Stopped::Gone),
                    Woken::Step => {}
                    Woken::Time => idle()?,
                },
            }
        }
    }

    fn keep(&mut self, tokens: Vec<Token>) {
        if self.logprobs {
            self.tokens.extend(tokens);
        }
    }

    fn probabilities(&self) -> Result<Option<Probabilities>, Stopped> {
        if !self.logprobs {
            return Ok(None);
        }
        let found = probabilities(self.models, &self.envelope.model, self.envelope.form, &self.tokens);
        found.map(Some).map_err(|failure| Stopped::Failed(self.error(&failure)))
    }

    fn error(&self, failure: &Failure) -> ApiError {
        ApiError::of(failure, &self.envelope.model, self.names)
    }
}
