//! A text in the making, step by step.

use crate::constraint::{Grammar, Machine};
use crate::error::Stopped;
use crate::model::{Model, Session};
use crate::sampler::{Choice, Sampler, Sampling};
use crate::tokenizer::Tokenizer;

/// Products of a step that reads a prompt, about: 100 ms at the slowest that was measured.
const STEP: u64 = 500_000_000;

/// What is generated.
#[derive(Debug)]
pub struct Request {
    /// What it goes on from: at least one token, each below the vocabulary.
    pub prompt: Vec<u32>,
    /// Most tokens.
    pub most: Option<usize>,
    /// It ends before any of these.
    pub stop: Vec<String>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// What the text must be.
    pub constraint: Option<Grammar>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// So many tokens of the prompt are read, of so many.
    Prompt(usize, usize),
    /// More text: whole characters, perhaps none yet; and the tokens it came with.
    Chunk(String, Vec<Choice>),
    /// It ended.
    Done(Finish),
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model said so, or the constraint is complete.
    End,
    /// A stop came.
    Stop,
    /// It has as many tokens as were asked for.
    Length,
    /// The context is full.
    Context,
}

/// Why there is no next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// Whoever asked does not want it any more.
    #[error("stopped")]
    Stopped,
    /// No token of the model goes on with the constraint.
    #[error("no token of the model can follow under the constraint")]
    Stuck,
}

/// A text in the making.
#[derive(Debug)]
pub struct Generation {
    /// The prompt, and what was generated and read.
    tokens: Vec<u32>,
    /// Tokens of the prompt.
    prompt: usize,
    most: usize,
    stop: Vec<String>,
    sampler: Sampler,
    machine: Option<Machine>,
    /// Weights of the next token, once the prompt is read.
    logits: Option<Vec<f32>>,
    given: usize,
    /// Bytes that were not given yet: the beginning of a character, or perhaps of a stop.
    pending: Vec<u8>,
    finish: Option<Finish>,
}

// === impl Generation ===

impl Generation {
    /// Begins; computes nothing.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self {
            prompt: request.prompt.len(),
            tokens: request.prompt,
            most: request.most.unwrap_or(usize::MAX),
            stop: request.stop,
            sampler: Sampler::new(request.sampling),
            machine: request.constraint.map(Machine::new),
            logits: None,
            given: 0,
            pending: Vec::new(),
            finish: None,
        }
    }

    /// Tokens of the prompt, and tokens generated so far.
    #[must_use]
    pub fn usage(&self) -> (usize, usize) {
        (self.prompt, self.given)
    }

    /// Computes the next step. `go_on` is asked between layers.
    ///
    /// # Errors
    ///
    /// If `go_on` says no, or no token is allowed.
    pub fn next(
        &mut self,
        model: &Model,
        tokenizer: &Tokenizer,
        session: &mut Session,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Step, GenerateError> {
        if let Some(finish) = self.finish {
            return Ok(Step::Done(finish));
        }
        // Something else was computed in the session meanwhile: what was read is read again.
        let same = session.tokens() == self.tokens;
        let Some(logits) = self.logits.take().filter(|_| same) else { return self.read(model, session, go_on) };
        if self.given >= self.most {
            return Ok(self.end(Finish::Length));
        }
        let (ends, machine) = (tokenizer.ends(), &self.machine);
        let mut allowed = |token: u32| match machine {
            None => true,
            Some(machine) if ends.contains(&token) => machine.may_end(),
            Some(machine) => machine.allows(&tokenizer.bytes(token)),
        };
        let choice = self.sampler.choose(&logits, session.tokens(), &mut allowed).ok_or(GenerateError::Stuck)?;
        self.given += 1;
        if ends.contains(&choice.token) {
            return Ok(self.chunk(vec![choice], Some(Finish::End)));
        }
        let bytes = tokenizer.bytes(choice.token);
        self.pending.extend_from_slice(&bytes);
        let mut complete = false;
        if let Some(machine) = &mut self.machine {
            complete = machine.push(&bytes) && machine.must_end();
        }
        if complete {
            return Ok(self.chunk(vec![choice], Some(Finish::End)));
        }
        if self.given >= self.most || session.room() == 0 {
            let finish = if self.given >= self.most { Finish::Length } else { Finish::Context };
            return Ok(self.chunk(vec![choice], Some(finish)));
        }
        let step = self.chunk(vec![choice], None);
        if self.finish.is_none() {
            let states = model.read(session, &[choice.token], go_on).map_err(|Stopped| GenerateError::Stopped)?;
            self.tokens.push(choice.token);
            self.logits = Some(model.logits(&states));
        }
        Ok(step)
    }

    /// Reads a part of the prompt.
    fn read(
        &mut self,
        model: &Model,
        session: &mut Session,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Step, GenerateError> {
        let done = session.keep(&self.tokens);
        let count = usize::try_from(STEP / model.parameters().max(1)).unwrap_or(usize::MAX);
        let count = (count / 4 * 4).max(4);
        let rest = self.tokens.get(done..).unwrap_or_default();
        let part = rest.get(..count.min(rest.len())).unwrap_or_default();
        let states = model.read(session, part, go_on).map_err(|Stopped| GenerateError::Stopped)?;
        if done + part.len() >= self.tokens.len() {
            let last = states.len() - model.shape().width.min(states.len());
            self.logits = Some(model.logits(states.get(last..).unwrap_or_default()));
        }
        Ok(Step::Prompt(done + part.len(), self.tokens.len()))
    }

    /// What can be given of the pending bytes: whole characters, and nothing that may become a stop. At an end, all.
    fn chunk(&mut self, tokens: Vec<Choice>, finish: Option<Finish>) -> Step {
        self.finish = finish;
        let whole = match std::str::from_utf8(&self.pending) {
            // The end of the text is in the middle of a character.
            Err(error) if error.error_len().is_none() && finish.is_none() => error.valid_up_to(),
            _ => self.pending.len(),
        };
        let rest = self.pending.split_off(whole);
        let mut text = String::from_utf8_lossy(&std::mem::replace(&mut self.pending, rest)).into_owned();
        let stop = self.stop.iter().filter_map(|stop| text.find(stop.as_str())).min();
        if let Some(at) = stop {
            text.truncate(at);
            self.finish = Some(Finish::Stop);
            self.pending.clear();
        } else if finish.is_none() {
            let kept = self.stop.iter().filter_map(|stop| overlap(&text, stop)).max().unwrap_or(0);
            let held = text.split_off(text.len() - kept);
            self.pending.splice(0..0, held.into_bytes());
        }
        Step::Chunk(text, tokens)
    }

    fn end(&mut self, finish: Finish) -> Step {
        self.finish = Some(finish);
        Step::Done(finish)
    }
}

/// Bytes of the longest end of a text that is a beginning of a stop.
fn overlap(text: &str, stop: &str) -> Option<usize> {
    let ends = stop.char_indices().map(|(at, _)| at).skip(1);
    ends.filter(|&end| stop.get(..end).is_some_and(|beginning| text.ends_with(beginning))).max()
}
