//! A call that may become a task: its request is answered, and the instance works on.

use std::time::Duration;

use super::stream::{Exit, Reply};
use crate::bindings::tidegate::gateway::calls::{Error, Event, Outcome};
use crate::bindings::tidegate::types::input::{Answer, Questions};
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::errors::{INTERNAL, RpcError};
use crate::exchange::{Conclusion, Exchange, Planned};
use crate::gateway::{Call, Gateway, Source};
use crate::inputs;
use crate::json::Request;
use crate::tasks::{Status, Task, Wish};

/// A call that ends within this time is answered at once, and so is one that asks: clients need not poll for what is
/// quick, and questions before the work has begun belong to the request.
const QUICK: Duration = Duration::from_millis(250);
/// Rounds of questions in one task: more is a component that asks for ever.
const ROUNDS: usize = 32;
/// How long to wait at a time; what wakes is a message or an event.
const PATIENCE: Duration = Duration::from_secs(60);

type Ended = Result<Outcome, Error>;

/// Runs a call, as a task if it takes longer.
pub(super) fn run<G: Gateway, E: Exit>(
    gateway: &G,
    planned: Planned,
    request: &Request<'_>,
    support: TaskSupport,
    exit: &mut E,
) {
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
    let task = match Task::make(gateway) {
        Ok(task) => task,
        Err(error) => return send(exchange.error(&error), exit),
    };
    task.post(gateway, &Status::Working);
    exit.send(Reply::json(200, task.created(&exchange.id)));
    let mut worker = Worker { gateway, exchange, request, task };
    let end = worker.rounds(call, quick);
    worker.task.post(gateway, &end);
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

/// What a tool that always makes a task answers without one: questions, and what never ran.
fn becomes_a_task(ended: &Ended) -> bool {
    !matches!(
        ended,
        Ok(Outcome::InputRequired(_)) | Err(Error::NotFound(_) | Error::InvalidArguments(_) | Error::Forbidden(_))
    )
}

fn send<E: Exit>(conclusion: Conclusion, exit: &mut E) {
    match conclusion {
        Conclusion::Answer(text, status) => exit.send(Reply::json(status, text)),
        Conclusion::Forbidden(text, challenge) => exit.send(Reply::forbidden(text, challenge)),
        Conclusion::Ask(_) | Conclusion::Silence => {}
    }
}

struct Worker<'a, G: Gateway> {
    gateway: &'a G,
    exchange: Exchange,
    request: &'a Request<'a>,
    task: Task<G::Mailbox>,
}

impl<G: Gateway> Worker<'_, G> {
    fn rounds(&mut self, first: G::Call, quick: Option<Ended>) -> Status {
        let mut ended = match quick {
            Some(ended) => ended,
            None => self.follow(&first),
        };
        for _ in 0..ROUNDS {
            let Ok(Outcome::InputRequired(questions)) = ended else { return self.exchange.status(ended) };
            if let Some(error) = inputs::missing(&questions, self.exchange.view.features) {
                return Status::Failed(error.object());
            }
            let state = questions.state.clone();
            let Some(answers) = self.ask(&questions) else { return Status::Cancelled };
            self.task.post(self.gateway, &Status::Working);
            ended = match self.exchange.round(self.request, answers, state) {
                Ok(next) => {
                    let call = self.gateway.start(next);
                    self.follow(&call)
                }
                Err(error) => return Status::Failed(error.object()),
            };
        }
        Status::Failed(RpcError::new(INTERNAL, "the call asked too often").object())
    }

    /// Follows a round to its end.
    fn follow(&mut self, call: &G::Call) -> Ended {
        loop {
            self.gateway
                .wait(&[Source::Call(call), Source::Mailbox(self.task.mailbox(), self.task.seen)], Some(PATIENCE));
            while let Some(event) = call.next() {
                if let Event::Done(ended) = event {
                    return ended;
                }
            }
            match self.task.wishes() {
                Some(wishes) if !wishes.iter().any(|wish| matches!(wish, Wish::Cancel)) => {}
                // A task that is forgotten has nobody to end for.
                _ => {
                    call.cancel();
                    return Err(Error::Cancelled);
                }
            }
        }
    }

    /// Puts questions and waits for all answers, which may come one by one; `None` when the client cancels.
    fn ask(&mut self, questions: &Questions) -> Option<Vec<Answer>> {
        self.task.post(self.gateway, &Status::InputRequired(inputs::requests(questions, self.exchange.view.revision)));
        let mut answers: Vec<Answer> = Vec::new();
        while answers.len() < questions.questions.len() {
            self.gateway.wait(&[Source::Mailbox(self.task.mailbox(), self.task.seen)], Some(PATIENCE));
            for wish in self.task.wishes()? {
                let Wish::Answers(json) = wish else { return None };
                let asked = |id: &str| questions.questions.iter().any(|one| one.id == id);
                let open = |id: &str| asked(id) && !answers.iter().any(|one| one.id == id);
                let new = inputs::responses_to(&json, open).unwrap_or_default();
                answers.extend(new);
            }
        }
        Some(answers)
    }
}
