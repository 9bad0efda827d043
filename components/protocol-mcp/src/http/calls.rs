//! A call over HTTP: one JSON answer, or a stream once something comes before it.

use std::time::Duration;

use super::outlet::Outlet;
use super::stream::{Exit, Gone, Reply};
use crate::bindings::tidegate::gateway::calls::Event;
use crate::bindings::tidegate::types::input::Questions;
use crate::errors::{INTERNAL, RpcError, SESSION_NOT_FOUND};
use crate::exchange::{Conclusion, Exchange, Planned};
use crate::gateway::{Call, Gateway, Source};
use crate::inputs::{Asked, Asking};
use crate::json::Request;
use crate::session::{HttpSession, Note};

/// After so long without a word a stream gets a comment: less than the 30 to 60 seconds after which proxies give up.
pub(super) const SILENCE: Duration = Duration::from_secs(15);
/// A call of a revision with polling that takes longer gets a stream before it has anything to say: its client can come
/// back for the result when its connection breaks.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// Rounds of questions in one call: more is a component that asks for ever.
const ROUNDS: usize = 32;

/// A call on its way to the client.
struct Running<'a, G: Gateway, E> {
    gateway: &'a G,
    request: &'a Request<'a>,
    /// Where notes of the client arrive; modern requests have none.
    session: Option<&'a mut HttpSession<G::Mailbox>>,
    exchange: Exchange,
    outlet: Outlet<'a, G, E>,
    /// After how many milliseconds a stream is closed although the call runs: its client comes back for the rest.
    polling: Option<u64>,
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
    let wants_events = exchange.wants_events();
    let outlet = Outlet::new(gateway, exit);
    let mut running = Running { gateway, request, session, exchange, outlet, polling: None };
    if !wants_events {
        let result = if running.exchange.view.revision.is_modern() { call.attend() } else { call.finish() };
        let conclusion = running.exchange.conclude(gateway, result);
        let _ = running.send(conclusion);
        return;
    }
    match running.rounds(&call) {
        Ok(()) => {}
        // In the legacy era a client that closes the stream has not cancelled: what it started comes to its end, also
        // where nothing could be kept for it.
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
            sources.extend(self.outlet.log().map(|log| Source::Mailbox(log.mailbox(), log.seen)));
            let limit = self.patience();
            if !self.gateway.wait(&sources, Some(limit)) {
                self.silent(limit)?;
            }
            if self.session.is_none() && self.gateway.is_closed() {
                return Err(Stop::Gone);
            }
            self.outlet.look().ok_or(Stop::Ended)?;
            while let Some(event) = call.next() {
                if let Event::Done(result) = event {
                    return Ok(self.exchange.conclude(self.gateway, result));
                }
                self.notify(&event)?;
            }
            if self.outlet.is_kept() && self.polling.is_some_and(|after| self.outlet.age() >= after) {
                self.outlet.close();
            }
            if self.notes()?.iter().any(|note| self.is_cancel(note)) {
                self.exchange.cancelled = true;
                call.cancel();
            }
        }
    }

    /// How long to wait for something to happen.
    fn patience(&self) -> Duration {
        let revision = self.exchange.view.revision;
        if !self.outlet.is_stream() && revision.polling && self.session.is_some() {
            return PATIENCE;
        }
        let poll = self.polling.filter(|_| self.outlet.is_kept() && self.outlet.is_open());
        let left = poll.map(|after| Duration::from_millis(after.saturating_sub(self.outlet.age())));
        left.map_or(SILENCE, |left| left.min(SILENCE))
    }

    /// Nothing happened for that long.
    fn silent(&mut self, limit: Duration) -> Result<(), Gone> {
        self.begin()?;
        if limit == SILENCE { self.outlet.keep_alive() } else { Ok(()) }
    }

    fn notify(&mut self, happened: &Event) -> Result<(), Gone> {
        match self.exchange.notification(happened) {
            Some(text) => self.event(&text),
            None => Ok(()),
        }
    }

    fn event(&mut self, text: &str) -> Result<(), Gone> {
        self.begin()?;
        self.outlet.event(text)
    }

    /// Begins the stream, if that has not happened.
    fn begin(&mut self) -> Result<(), Gone> {
        if self.outlet.is_stream() {
            return Ok(());
        }
        if self.exchange.view.revision.polling {
            self.polling = self.gateway.setting("poll-after").and_then(|text| text.parse().ok());
        }
        self.outlet.begin(self.session.as_deref(), false)
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
            self.event(text)?;
        }
        loop {
            if let Some(end) = asking.end() {
                return Ok(Some(end));
            }
            let Some(session) = &self.session else { return Err(Stop::Ended) };
            let mut sources = vec![Source::Mailbox(&session.mailbox, session.seen)];
            sources.extend(self.outlet.log().map(|log| Source::Mailbox(log.mailbox(), log.seen)));
            if !self.gateway.wait(&sources, Some(SILENCE)) {
                self.outlet.keep_alive()?;
            }
            self.outlet.look().ok_or(Stop::Ended)?;
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

    fn send(&mut self, conclusion: Conclusion) -> Result<(), Gone> {
        match conclusion {
            Conclusion::Answer(text, status) => self.outlet.finish(Reply::json(status, text)),
            Conclusion::Forbidden(text, challenge) => self.outlet.finish(Reply::forbidden(text, challenge)),
            Conclusion::Silence => {
                self.outlet.complete();
                Ok(())
            }
            Conclusion::Ask(_) => {
                let error = RpcError::new(INTERNAL, "the call asked where it cannot");
                self.outlet.finish(Reply::json(200, error.message(Some(&self.exchange.id))))
            }
        }
    }
}
