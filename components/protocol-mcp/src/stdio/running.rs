//! A call on a byte stream, from its start to its answer.

use super::becoming::{Becoming, Due};
use crate::bindings::tidegate::gateway::calls::Event;
use crate::errors::{INTERNAL, RpcError};
use crate::exchange::{Conclusion, Exchange};
use crate::gateway::{Call, Gateway};
use crate::inputs::{Asked, Asking};
use crate::json::{Message, parse_message};
use crate::tasks::Ended;

/// Rounds of questions in one call: more is a component that asks for ever.
pub(super) const ROUNDS: u32 = 32;

/// A call that has no answer yet.
pub(super) struct Running<C> {
    /// Whether and when it becomes a task.
    pub(super) task: Option<Due>,
    /// The request, for later rounds.
    pub(super) text: String,
    /// Follows it.
    pub(super) exchange: Exchange,
    /// How far it is.
    pub(super) phase: Phase<C>,
    /// Rounds of questions so far.
    pub(super) rounds: u32,
    /// The batch that its answer goes into.
    pub(super) batch: Option<u64>,
}

/// How far a call is.
pub(super) enum Phase<C> {
    /// It runs.
    Call(C),
    /// Its end is known already.
    Ended(Option<Box<Ended>>),
    /// The client is asked.
    Asking(Asking),
}

fn next_event<C: Call>(phase: &mut Phase<C>) -> Option<Event> {
    match phase {
        Phase::Call(call) => call.next(),
        Phase::Ended(ended) => ended.take().map(|ended| Event::Done(*ended)),
        Phase::Asking(_) => None,
    }
}

/// Whether it becomes a task.
pub(super) fn becoming<G: Gateway>(gateway: &G, one: &Running<G::Call>) -> Becoming {
    match (one.task, &one.phase) {
        (Some(due), Phase::Call(call)) if !one.exchange.cancelled => due.look(gateway, call),
        _ => Becoming::Call,
    }
}

/// Brings a call as far as it gets without waiting; gives its end.
pub(super) fn advance<G: Gateway>(
    gateway: &G,
    one: &mut Running<G::Call>,
    out: &mut Vec<String>,
) -> Option<Conclusion> {
    loop {
        let asked = match &mut one.phase {
            Phase::Asking(_) if one.exchange.cancelled => return Some(Conclusion::Silence),
            Phase::Asking(asking) => asking.end()?,
            phase => match next_event(phase)? {
                Event::Done(result) => match one.exchange.conclude(gateway, result) {
                    Conclusion::Ask(_) if one.rounds >= ROUNDS => {
                        return Some(one.exchange.complaint("the call asked too often, or after the client had gone"));
                    }
                    Conclusion::Ask(questions) => {
                        let prefix = format!("{:016x}", gateway.random());
                        let (asking, requests) = Asking::new(questions, &prefix, one.exchange.view.revision);
                        out.extend(requests);
                        one.phase = Phase::Asking(asking);
                        one.rounds += 1;
                        continue;
                    }
                    end => return Some(end),
                },
                event => {
                    out.extend(one.exchange.notification(&event).filter(|_| !one.exchange.cancelled));
                    continue;
                }
            },
        };
        let next = match asked {
            Asked::Refused(text) => return Some(one.exchange.complaint(&text)),
            Asked::Answers(answers, state) => match parse_message(&one.text) {
                Ok(Message::Request(request)) => one.exchange.round(&request, answers, state),
                // It was a request when it came.
                _ => Err(RpcError::new(INTERNAL, "the request was lost")),
            },
        };
        match next {
            Ok(request) => one.phase = Phase::Call(gateway.start(request)),
            Err(error) => return Some(one.exchange.error(&error)),
        }
    }
}
