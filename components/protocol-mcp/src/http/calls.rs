//! A call over HTTP: one JSON answer, or a stream once something comes before it.

use std::time::Duration;

use super::stream::{Exit, Gone, KEEP_ALIVE, Reply, event};
use crate::bindings::tidegate::gateway::calls::{self, Event};
use crate::bindings::tidegate::types::input::Questions;
use crate::errors::{INTERNAL, RpcError, SESSION_NOT_FOUND};
use crate::exchange::{Conclusion, Exchange, Planned};
use crate::gateway::{Call, Gateway, Source};
use crate::inputs::{Asked, Asking};
use crate::json::Request;
use crate::session::{HttpSession, Note};

/// After so long without a word a stream gets a comment: less than the 30 to 60 seconds after which proxies give up.
pub(super) const SILENCE: Duration = Duration::from_secs(15);
/// Rounds of questions in one call: more is a component that asks for ever.
const ROUNDS: usize = 32;

/// A call on its way to the client.
struct Running<'a, G: Gateway, E> {
    gateway: &'a G,
    request: &'a Request<'a>,
    /// Where notes of the client arrive; modern requests have none.
    session: Option<&'a mut HttpSession<G::Mailbox>>,
    exchange: Exchange,
    exit: &'a mut E,
    streaming: bool,
}

/// Why there is nothing (more) to say.
enum Stop {
    /// The client closed the stream.
    Gone,
    /// The session has ended.
    Ended,
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// Runs a call to its end.
pub(super) fn run<G: Gateway, E: Exit>(
    gateway: &G,
    planned: Planned,
    request: &Request<'_>,
    session: Option<&mut HttpSession<G::Mailbox>>,
    exit: &mut E,
) {
    let Planned { exchange, request: first } = planned;
    let call = gateway.start(first);
    let mut running = Running { gateway, request, session, exchange, exit, streaming: false };
    if !running.exchange.wants_events() {
        let result = if running.exchange.view.revision.is_modern() { call.attend() } else { call.finish() };
        let conclusion = running.exchange.conclude(gateway, result);
        let _ = running.send(conclusion);
        return;
    }
    match running.rounds(&call) {
        Ok(()) => {}
        // In the legacy era a client that closes the stream has not cancelled: what it started comes to its end.
        Err(Stop::Gone) if !running.exchange.view.revision.is_modern() => drop(call.finish()),
        Err(Stop::Gone) => {}
        Err(Stop::Ended) => {
            let error = RpcError::new(SESSION_NOT_FOUND, "the session ended, and the call with it").status(404);
            let conclusion = running.exchange.error(&error);
            let _ = running.send(conclusion);
        }
    }
}

impl<G: Gateway, E: Exit> Running<'_, G, E> {
    fn rounds(&mut self, first: &G::Call) -> Result<(), Stop> {
        let mut conclusion = self.follow(first)?;
        for _ in 0..ROUNDS {
            let Conclusion::Ask(questions) = conclusion else { return Ok(self.send(conclusion)?) };
            conclusion = match self.ask(questions)? {
                Some(Asked::Answers(answers, state)) => match self.exchange.round(self.request, answers, state) {
                    Ok(next) => {
                        let call = self.gateway.start(next);
                        self.follow(&call)?
                    }
                    Err(error) => self.exchange.error(&error),
                },
                Some(Asked::Refused(text)) => self.exchange.complaint(&text),
                None => Conclusion::Silence,
            };
        }
        let conclusion = match conclusion {
            Conclusion::Ask(_) => self.exchange.complaint("the call asked too often"),
            other => other,
        };
        Ok(self.send(conclusion)?)
    }

    /// Follows a round to its end, sending what comes before.
    fn follow(&mut self, call: &G::Call) -> Result<Conclusion, Stop> {
        loop {
            let mut sources = vec![Source::Call(call)];
            match &self.session {
                Some(session) => sources.push(Source::Mailbox(&session.mailbox, session.seen)),
                // In the modern era the client's leaving cancels the call.
                None => sources.push(Source::Closed),
            }
            if !self.gateway.wait(&sources, Some(SILENCE)) {
                self.write(KEEP_ALIVE)?;
            }
            if self.session.is_none() && self.gateway.is_closed() {
                return Err(Stop::Gone);
            }
            while let Some(event) = call.next() {
                if let Event::Done(result) = event {
                    return Ok(self.exchange.conclude(self.gateway, result));
                }
                self.notify(&event)?;
            }
            if self.notes()?.iter().any(|note| self.is_cancel(note)) {
                self.exchange.cancelled = true;
                call.cancel();
            }
        }
    }

    fn notify(&mut self, happened: &calls::Event) -> Result<(), Gone> {
        match self.exchange.notification(happened) {
            Some(text) => self.write(&event(&text)),
            None => Ok(()),
        }
    }

    fn is_cancel(&self, note: &Note) -> bool {
        matches!(note, Note::Cancel(id) if self.exchange.is_meant_by(id))
    }

    fn notes(&mut self) -> Result<Vec<Note>, Stop> {
        match &mut self.session {
            Some(session) => {
                let notes = session.notes().ok_or(Stop::Ended)?;
                self.exchange.view.level = session.session.view.level;
                Ok(notes)
            }
            None => Ok(Vec::new()),
        }
    }

    /// Puts questions and waits for the answers; `None` when the client cancels.
    fn ask(&mut self, questions: Questions) -> Result<Option<Asked>, Stop> {
        let prefix = format!("{:016x}", self.gateway.random());
        let (mut asking, requests) = Asking::new(questions, &prefix, self.exchange.view.revision);
        for text in &requests {
            self.write(&event(text))?;
        }
        loop {
            if let Some(end) = asking.end() {
                return Ok(Some(end));
            }
            let Some(session) = &self.session else { return Err(Stop::Ended) };
            if !self.gateway.wait(&[Source::Mailbox(&session.mailbox, session.seen)], Some(SILENCE)) {
                self.write(KEEP_ALIVE)?;
            }
            for note in self.notes()? {
                if self.is_cancel(&note) {
                    return Ok(None);
                }
                if let Note::Answer(text) = &note {
                    asking.take(text);
                }
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        if !self.streaming {
            self.exit.open(None)?;
            self.streaming = true;
        }
        self.exit.write(bytes)
    }

    fn send(&mut self, conclusion: Conclusion) -> Result<(), Gone> {
        let (text, status) = match conclusion {
            Conclusion::Answer(text, status) => (text, status),
            Conclusion::Forbidden(text, challenge) if !self.streaming => {
                self.exit.send(Reply::forbidden(text, challenge));
                return Ok(());
            }
            Conclusion::Forbidden(text, _) => (text, 403),
            // Who cancelled gets no answer: a stream that ends.
            Conclusion::Silence if self.streaming => return Ok(()),
            Conclusion::Silence => return self.exit.open(None),
            Conclusion::Ask(_) => {
                let error = RpcError::new(INTERNAL, "the call asked where it cannot");
                (error.message(Some(&self.exchange.id)), 200)
            }
        };
        if self.streaming {
            return self.exit.write(&event(&text));
        }
        self.exit.send(Reply::json(status, text));
        Ok(())
    }
}
