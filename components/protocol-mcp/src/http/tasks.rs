//! A call that may become a task: its request is answered, and the instance works on.

use std::time::Duration;

use super::stream::{Exit, Reply};
use crate::bindings::tidegate::gateway::calls::Event;
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::exchange::{Conclusion, Planned};
use crate::gateway::{Call, Gateway, Source};
use crate::tasks::{Ended, QUICK, Task, Work, becomes_a_task};

/// How long to wait at a time; what wakes is a message or an event.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a call, as a task if it takes longer; `text` is the message that asks for it.
pub(super) fn run<G: Gateway, E: Exit>(gateway: &G, planned: Planned, text: &str, support: TaskSupport, exit: &mut E) {
    let Planned { exchange, request: first } = planned;
    let call = gateway.start(first);
    let quick = match quick(gateway, &call) {
        // The client went before it was told of a task: as with any call, that cancels it.
        Quick::Gone => return,
        Quick::Ended(ended) => Some(*ended),
        Quick::No => None,
    };
    let quick = match quick {
        Some(ended) if support != TaskSupport::Required || !becomes_a_task(&ended) => {
            return send(exchange.conclude(gateway, ended), exit);
        }
        quick => quick,
    };
    let task = match Task::make(gateway, &exchange.view, text.to_owned()) {
        Ok(task) => task,
        Err(error) => return send(exchange.error(&error), exit),
    };
    exit.send(Reply::json(200, task.created(&exchange.id)));
    work(
        gateway,
        match quick {
            Some(ended) => Work::ended(task, exchange, ended),
            None => Work::new(task, exchange, call),
        },
    );
}

/// Works on a task to its end.
pub(super) fn work<G: Gateway>(gateway: &G, mut work: Work<G>) {
    while work.advance(gateway) {
        gateway.wait(&work.sources(), Some(PATIENCE));
    }
}

enum Quick {
    Ended(Box<Ended>),
    Gone,
    No,
}

/// Waits a moment for the call's end. Reports on the way have no place to go.
fn quick<G: Gateway>(gateway: &G, call: &G::Call) -> Quick {
    let start = gateway.now();
    // Reports do not buy time: a call that talks becomes a task too.
    while let Some(left) = QUICK.checked_sub(Duration::from_millis(gateway.now().saturating_sub(start))) {
        if !gateway.wait(&[Source::Call(call), Source::Closed], Some(left)) {
            break;
        }
        if gateway.is_closed() {
            return Quick::Gone;
        }
        while let Some(event) = call.next() {
            if let Event::Done(ended) = event {
                return Quick::Ended(Box::new(ended));
            }
        }
    }
    Quick::No
}

/// Sends the answer to a call that makes no task.
pub(super) fn send<E: Exit>(conclusion: Conclusion, exit: &mut E) {
    match conclusion {
        Conclusion::Answer(text, status) => exit.send(Reply::json(status, text)),
        Conclusion::Forbidden(text, challenge) => exit.send(Reply::forbidden(text, challenge)),
        Conclusion::Ask(_) | Conclusion::Silence => {}
    }
}
