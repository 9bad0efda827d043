//! A round of questions to a legacy client: requests of ours, whose answers arrive one by one.

use crate::bindings::tidegate::types::input::{Answer, Consent, Question, Questions, Reply};
use crate::json::{Message, Writer, parse_message};
use crate::revision::Revision;

/// Questions that were put and the answers so far.
pub(crate) struct Asking {
    open: Vec<Open>,
    answers: Vec<Answer>,
    state: Option<Vec<u8>>,
    refusal: Option<String>,
}

struct Open {
    /// Our request's id, as JSON.
    id: String,
    question: String,
    /// The person: refusing is an answer. The model and the roots: it is not.
    personal: bool,
}

/// How a round of questions ended.
pub(crate) enum Asked {
    /// With answers for the next round, and the state for it.
    Answers(Vec<Answer>, Option<Vec<u8>>),
    /// The client answered with an error.
    Refused(String),
}

impl Asking {
    /// Puts questions; gives the requests to send. `prefix` makes their ids unique in the conversation.
    pub(crate) fn new(questions: Questions, prefix: &str, revision: &Revision) -> (Self, Vec<String>) {
        let mut open = Vec::new();
        let mut requests = Vec::new();
        for (number, named) in questions.questions.iter().enumerate() {
            let mut writer = Writer::with_capacity(256);
            writer.begin_object().field("jsonrpc", "2.0");
            let id = crate::json::Id::text(&format!("{prefix}-{number}"));
            writer.key("id").raw(id.json());
            super::question(&mut writer, named, revision);
            writer.end_object();
            requests.push(writer.finish());
            let personal = matches!(named.question, Question::Form(_) | Question::Visit(_));
            open.push(Open { id: id.json().to_owned(), question: named.id.clone(), personal });
        }
        (Self { open, answers: Vec::new(), state: questions.state, refusal: None }, requests)
    }

    /// Takes a response, if it is to one of these questions.
    pub(crate) fn take(&mut self, response: &str) -> bool {
        let Ok(Message::Response(response)) = parse_message(response) else { return false };
        let Some(at) = self.open.iter().position(|one| one.id == response.id.json()) else { return false };
        let open = self.open.swap_remove(at);
        let reply = match response.result {
            Ok(raw) => super::reply(raw).ok_or("an answer that MCP does not know".to_owned()),
            Err(_) if open.personal => Ok(Reply::Consent(Consent::Cancel)),
            Err(error) => Err(error.get().to_owned()),
        };
        match reply {
            Ok(reply) => self.answers.push(Answer { id: open.question, reply }),
            Err(text) => self.refusal = Some(text),
        }
        true
    }

    /// The end, once every question has its answer or one was refused.
    pub(crate) fn end(&mut self) -> Option<Asked> {
        if let Some(text) = self.refusal.take() {
            return Some(Asked::Refused(format!("the client did not answer a question: {text}")));
        }
        self.open.is_empty().then(|| Asked::Answers(std::mem::take(&mut self.answers), self.state.take()))
    }
}
