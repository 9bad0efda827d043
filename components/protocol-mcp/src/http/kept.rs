//! Tasks of the core over HTTP: a call whose answer is a task, and the wait for its result.

use std::time::Duration;

use super::calls::{PATIENCE, SILENCE};
use super::outlet::Outlet;
use super::stream::{Exit, Gone, Reply};
use super::tasks;
use crate::bindings::tidegate::gateway::calls::{Error, Event};
use crate::errors::RpcError;
use crate::exchange::Planned;
use crate::gateway::{Call, Gateway, Source};
use crate::json::Request;
use crate::session::{HttpSession, Note};
use crate::tasks::{Awaited, Ended, Task, Work};

/// What the host refuses it refuses at once; what takes longer is a task.
const REFUSED: Duration = Duration::from_millis(20);

/// Runs a call as a task; `text` is the message that asks for it.
pub(super) fn begin<G: Gateway, E: Exit>(
    gateway: &G,
    session: &HttpSession<G::Mailbox>,
    planned: Planned,
    seconds: u32,
    text: &str,
    exit: &mut E,
) {
    let Planned { exchange, request: first } = planned;
    let call = gateway.start(first);
    let ended = match first_look(gateway, &call) {
        // No task, and for a client that lacks rights the challenge that says which.
        Some(ended @ Err(Error::NotFound(_) | Error::Forbidden(_))) => {
            return tasks::send(exchange.conclude(gateway, ended), exit);
        }
        ended => ended,
    };
    let task = match Task::make_for(gateway, &exchange.view, seconds, text.to_owned()) {
        Ok(task) => task,
        Err(error) => return tasks::send(exchange.error(&error), exit),
    };
    // Else `tasks/list` lacks it, where clients cannot be told apart.
    let _ = session.post(&Note::Task(task.id().to_owned()));
    exit.send(Reply::json(200, task.created(&exchange.id)));
    tasks::work(
        gateway,
        match ended {
            Some(ended) => Work::ended(task, exchange, ended),
            None => Work::new(task, exchange, call),
        },
    );
}

fn first_look<G: Gateway>(gateway: &G, call: &G::Call) -> Option<Ended> {
    gateway.wait(&[Source::Call(call)], Some(REFUSED));
    while let Some(event) = call.next() {
        if let Event::Done(ended) = event {
            return Some(ended);
        }
    }
    None
}

/// Waits for the end of a task; on the way the task may ask.
pub(super) fn result<G: Gateway, E: Exit>(
    gateway: &G,
    session: &mut HttpSession<G::Mailbox>,
    request: &Request<'_>,
    exit: &mut E,
) -> Result<(), RpcError> {
    let mut awaited = Awaited::open(gateway, request)?;
    let mut outlet = Outlet::new(gateway, exit);
    // Whoever has left comes back for the log of its stream, or asks again: the task is not the request's.
    let _ = attend(gateway, session, &mut awaited, &mut outlet);
    if let Some(work) = awaited.into_work() {
        tasks::work(gateway, work);
    }
    Ok(())
}

fn attend<G: Gateway, E: Exit>(
    gateway: &G,
    session: &mut HttpSession<G::Mailbox>,
    awaited: &mut Awaited<G>,
    outlet: &mut Outlet<'_, G, E>,
) -> Result<(), Gone> {
    loop {
        let said = awaited.turn(gateway);
        for text in &said.requests {
            outlet.begin(Some(session), false)?;
            outlet.event(text)?;
        }
        if let Some(text) = said.answer {
            return outlet.finish(Reply::json(200, text));
        }
        let limit = if outlet.is_stream() { SILENCE } else { PATIENCE };
        let mut sources = awaited.sources();
        sources.push(Source::Mailbox(&session.mailbox, session.seen));
        sources.extend(outlet.log().map(|log| Source::Mailbox(log.mailbox(), log.seen)));
        let happened = gateway.wait(&sources, Some(limit));
        drop(sources);
        if !happened {
            if outlet.is_stream() {
                outlet.keep_alive()?;
            } else {
                outlet.begin(Some(session), false)?;
            }
        }
        outlet.look().ok_or(Gone)?;
        let Some(notes) = session.notes() else { return Err(Gone) };
        for note in notes {
            match note {
                Note::Cancel(id) if awaited.id.json() == id => {
                    outlet.complete();
                    return Ok(());
                }
                Note::Answer(text) => drop(awaited.take(&text)),
                _ => {}
            }
        }
    }
}
