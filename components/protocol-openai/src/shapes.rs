//! Answers in JSON, in the order in which clients are used to see them.

use serde::Serialize;

use crate::generate::Form;
use crate::models::{Completion, Finish, Usage};

/// What all answers to one request have in common.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// `chatcmpl-` or `cmpl-`, and what no other has.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) created: u64,
    /// As the client named it.
    pub(crate) model: String,
    /// Which of the two ways.
    pub(crate) form: Form,
}

/// What one event of a stream says.
#[derive(Debug)]
pub(crate) enum Delta<'a> {
    /// Who speaks, first of all.
    Role,
    /// A piece of the text.
    Text(&'a str),
    /// How it ended.
    End(Finish, Option<Probabilities>),
}

/// Probabilities of tokens, in the shape of one way or the other.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Probabilities {
    /// Of a chat.
    Chat {
        /// Token by token.
        content: Vec<TokenProbability>,
        /// Of a refusal; models here have no such thing.
        refusal: Option<()>,
    },
    /// Of the older way: lists side by side.
    Text {
        /// The tokens as texts.
        tokens: Vec<String>,
        /// Natural logarithms.
        token_logprobs: Vec<Option<f32>>,
        /// Of other tokens: not known.
        top_logprobs: Option<()>,
        /// Where each begins, in characters of the text.
        text_offset: Vec<usize>,
    },
}

/// A token of a chat.
#[derive(Debug, Serialize)]
pub(crate) struct TokenProbability {
    /// As text.
    pub(crate) token: String,
    /// Natural logarithm.
    pub(crate) logprob: Option<f32>,
    /// Its UTF-8; none where a part of a character is not known.
    pub(crate) bytes: Option<Vec<u8>>,
    /// Of other tokens: not known.
    pub(crate) top_logprobs: [(); 0],
}

#[derive(Serialize)]
struct Answer<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [C],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageShape<'a>>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<DeltaShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    logprobs: Option<&'a Probabilities>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct MessageShape<'a> {
    role: &'static str,
    content: &'a str,
    refusal: Option<()>,
}

#[derive(Serialize, Default)]
struct DeltaShape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

#[derive(Serialize)]
struct UsageShape<'a> {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
    /// Ours: what computed it.
    ran: &'a str,
}

impl Envelope {
    /// A whole answer.
    pub(crate) fn whole(&self, text: &str, logprobs: Option<&Probabilities>, completion: &Completion) -> String {
        let is_chat = self.form == Form::Chat;
        let choice = Choice {
            index: 0,
            message: is_chat.then_some(MessageShape { role: "assistant", content: text, refusal: None }),
            delta: None,
            text: (!is_chat).then_some(text),
            logprobs,
            finish_reason: Some(reason(completion.finish)),
        };
        let object = if is_chat { "chat.completion" } else { "text_completion" };
        self.json(object, &[choice], Some(Some(usage(&completion.usage))))
    }

    /// An event of a stream. `include_usage`: events say that usage comes later.
    pub(crate) fn event(&self, delta: &Delta<'_>, include_usage: bool) -> String {
        let is_chat = self.form == Form::Chat;
        let text = if let Delta::Text(text) = delta { Some(*text) } else { None };
        let (finish_reason, logprobs) = match delta {
            Delta::End(finish, logprobs) => (Some(reason(*finish)), logprobs.as_ref()),
            Delta::Role | Delta::Text(_) => (None, None),
        };
        let said = match delta {
            Delta::Role => DeltaShape { role: Some("assistant"), content: Some("") },
            _ => DeltaShape { role: None, content: text },
        };
        let choice = Choice {
            index: 0,
            message: None,
            delta: is_chat.then_some(said),
            text: (!is_chat).then(|| text.unwrap_or_default()),
            logprobs,
            finish_reason,
        };
        self.json(self.event_object(), &[choice], include_usage.then_some(None))
    }

    /// The event that says what a text took.
    pub(crate) fn usage(&self, completion: &Completion) -> String {
        self.json::<Choice<'_>>(self.event_object(), &[], Some(Some(usage(&completion.usage))))
    }

    fn event_object(&self) -> &'static str {
        if self.form == Form::Chat { "chat.completion.chunk" } else { "text_completion" }
    }

    fn json<C: Serialize>(&self, object: &'static str, choices: &[C], usage: Option<Option<UsageShape<'_>>>) -> String {
        let Self { id, created, model, .. } = self;
        to_json(&Answer { id, object, created: *created, model, choices, usage })
    }
}

/// Server-sent events carry one line; JSON has no line break outside of texts, and inside it is escaped.
pub(crate) fn sse(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// JSON of something that has no keys but texts: it cannot fail.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn usage(usage: &Usage) -> UsageShape<'_> {
    UsageShape {
        prompt_tokens: usage.input_tokens,
        completion_tokens: usage.output_tokens,
        total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
        ran: &usage.ran,
    }
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::End | Finish::Stop => "stop",
        Finish::Length | Finish::Context => "length",
    }
}
