//! The work on a task, as a state machine: rounds of its call, questions between them, and its end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Kind, Status, Task, Wish, members};
use crate::bindings::tidegate::gateway::calls::{Error, Event, Outcome};
use crate::bindings::tidegate::types::input::{Answer, Questions};
use crate::errors::{INTERNAL, RpcError};
use crate::exchange::{self, Exchange, plan};
use crate::gateway::{Call, Gateway, Mailbox, Source};
use crate::inputs;
use crate::json::{Message, parse_message};
use crate::session::View;

/// Rounds of questions in one task: more is a component that asks for ever.
const ROUNDS: u32 = 32;

/// How a round ended.
pub(crate) type Ended = Result<Outcome, Error>;

/// What a tool that always makes a task answers without one: questions, and what never ran.
pub(crate) fn becomes_a_task(ended: &Ended) -> bool {
    !matches!(
        ended,
        Ok(Outcome::InputRequired(_)) | Err(Error::NotFound(_) | Error::InvalidArguments(_) | Error::Forbidden(_))
    )
}

/// Work on a task.
pub(crate) struct Work<G: Gateway> {
    task: Task<G::Mailbox>,
    exchange: Exchange,
    phase: Phase<G::Call>,
    rounds: u32,
}

enum Phase<C> {
    /// A round runs.
    Running(C),
    /// A round has ended that nobody looked at yet.
    Ended(Box<Ended>),
    /// The client is asked.
    Asking(Asking),
    /// The task has ended.
    Over,
}

/// Questions of a task; answers may come one by one.
struct Asking {
    questions: Vec<String>,
    answers: Vec<Answer>,
    state: Option<Vec<u8>>,
}

/// What a client said to a task that asks.
enum Heard {
    /// Every answer.
    All,
    /// Not every answer yet.
    Some,
    /// That it will not answer, and why.
    Refusal(String),
    /// That it wants no more.
    Cancel,
}

impl<G: Gateway> Work<G> {
    /// Work on a call that runs.
    pub(crate) fn new(task: Task<G::Mailbox>, exchange: Exchange, call: G::Call) -> Self {
        Self { task, exchange, phase: Phase::Running(call), rounds: 0 }
    }

    /// Work on a call whose first round has ended.
    pub(crate) fn ended(task: Task<G::Mailbox>, exchange: Exchange, ended: Ended) -> Self {
        Self { task, exchange, phase: Phase::Ended(Box::new(ended)), rounds: 0 }
    }

    /// Goes on with a task that another run of the host began: from the last questions, or from the start.
    pub(super) fn adopt(gateway: &G, task: Task<G::Mailbox>) -> Option<Self> {
        let history = task.history();
        let view = View { revision: task.revision, features: task.features, level: None, tasks: Some(true) };
        let text = task.request.clone();
        let Ok(Message::Request(request)) = parse_message(&text) else { return None };
        let planned = plan(gateway, &view, &request, exchange::Kind::Tool).ok()?;
        let mut work = Self { task, exchange: planned.exchange, phase: Phase::Over, rounds: 0 };
        match history.status.1 {
            Status::InputRequired(json) => {
                // Answers that came before are read again.
                work.task.seen = history.stands;
                work.phase = Phase::Asking(Asking {
                    questions: members(&json).into_keys().collect(),
                    answers: Vec::new(),
                    state: history.kept.and_then(|kept| STANDARD.decode(kept).ok()),
                });
            }
            _ => {
                // What was asked and answered in its first run is asked again.
                work.task.post(gateway, &Status::Working);
                work.phase = Phase::Running(gateway.start(planned.request));
            }
        }
        Some(work)
    }

    /// Whether the task waits for its client.
    pub(crate) fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Asking(_))
    }

    /// What may happen next.
    pub(crate) fn sources(&self) -> Vec<Source<'_, G>> {
        let mut sources = vec![Source::Mailbox(self.task.mailbox(), self.task.seen)];
        if let Phase::Running(call) = &self.phase {
            sources.push(Source::Call(call));
        }
        sources
    }

    /// Goes on as far as it gets without waiting; `false` once the task has ended.
    pub(crate) fn advance(&mut self, gateway: &G) -> bool {
        loop {
            let next = match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::Over => return false,
                Phase::Ended(ended) => self.end_of_round(gateway, *ended),
                Phase::Running(call) => match self.follow(&call) {
                    Some(ended) => Phase::Ended(Box::new(ended)),
                    None => {
                        self.phase = Phase::Running(call);
                        return true;
                    }
                },
                Phase::Asking(mut asking) => match self.listen(&mut asking) {
                    Heard::All => self.next_round(gateway, asking),
                    Heard::Some => {
                        self.phase = Phase::Asking(asking);
                        return true;
                    }
                    Heard::Refusal(text) => self.end(gateway, &self.exchange.complaint_status(&text)),
                    Heard::Cancel => self.end(gateway, &Status::Cancelled),
                },
            };
            self.phase = next;
        }
    }

    fn end(&self, gateway: &G, status: &Status) -> Phase<G::Call> {
        self.task.post(gateway, status);
        Phase::Over
    }

    fn fail(&self, gateway: &G, error: &RpcError) -> Phase<G::Call> {
        self.end(gateway, &Status::Failed(error.object()))
    }

    fn end_of_round(&mut self, gateway: &G, ended: Ended) -> Phase<G::Call> {
        let questions = match ended {
            Ok(Outcome::InputRequired(questions)) => questions,
            ended => return self.end(gateway, &self.exchange.status(ended)),
        };
        if let Some(error) = inputs::missing(&questions, self.exchange.view.features) {
            return match self.task.kind() {
                Kind::Extension => self.fail(gateway, &error),
                Kind::Core => self.end(gateway, &self.exchange.complaint_status(&error.message)),
            };
        }
        self.rounds += 1;
        if self.rounds > ROUNDS {
            return self.fail(gateway, &RpcError::new(INTERNAL, "the call asked too often"));
        }
        let requests = inputs::requests(&questions, self.exchange.view.revision);
        let Questions { questions, state } = questions;
        // Kept first: once the question is seen, its state is there, whatever happens to this host.
        let kept = STANDARD.encode(state.as_deref().unwrap_or_default());
        if self.task.mailbox().post(format!("K{kept}").as_bytes()).is_err() {
            return self.fail(gateway, &RpcError::new(INTERNAL, "the node could not keep what the call left behind"));
        }
        self.task.post(gateway, &Status::InputRequired(requests));
        let questions = questions.into_iter().map(|one| one.id).collect();
        Phase::Asking(Asking { questions, answers: Vec::new(), state })
    }

    /// Looks at a round that runs; gives its end.
    fn follow(&mut self, call: &G::Call) -> Option<Ended> {
        while let Some(event) = call.next() {
            if let Event::Done(ended) = event {
                return Some(ended);
            }
        }
        match self.task.wishes() {
            Some(wishes) if !wishes.iter().any(|wish| matches!(wish, Wish::Cancel)) => None,
            // A task that is forgotten has nobody to end for.
            _ => {
                call.cancel();
                Some(Err(Error::Cancelled))
            }
        }
    }

    /// Takes answers.
    fn listen(&mut self, asking: &mut Asking) -> Heard {
        // A task that is forgotten has nobody to go on for.
        let Some(wishes) = self.task.wishes() else { return Heard::Cancel };
        for wish in wishes {
            let json = match wish {
                Wish::Answers(json) => json,
                Wish::Refuse(text) => return Heard::Refusal(text),
                Wish::Cancel => return Heard::Cancel,
            };
            let open = |id: &str| {
                asking.questions.iter().any(|one| one == id) && !asking.answers.iter().any(|one| one.id == id)
            };
            let new = inputs::responses_to(&json, open).unwrap_or_default();
            asking.answers.extend(new);
        }
        if asking.answers.len() >= asking.questions.len() { Heard::All } else { Heard::Some }
    }

    fn next_round(&mut self, gateway: &G, asking: Asking) -> Phase<G::Call> {
        self.task.post(gateway, &Status::Working);
        let text = self.task.request.clone();
        let next = match parse_message(&text) {
            Ok(Message::Request(request)) => {
                self.exchange.round(&request, asking.answers, asking.state.filter(|state| !state.is_empty()))
            }
            // It was a request when it came.
            _ => Err(RpcError::new(INTERNAL, "the request was lost")),
        };
        match next {
            Ok(request) => Phase::Running(gateway.start(request)),
            Err(error) => self.fail(gateway, &error),
        }
    }
}
