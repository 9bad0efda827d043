//! Questions to the person or the model at the other end.
//!
//! A call asks by ending its round with [`crate::Reply::Ask`]; it is called again, perhaps in a fresh instance, with the
//! answers ([`crate::Call::answer`]) and the state it left. Ask [`crate::Call::client`] first what the client can answer.
use schemars::JsonSchema;

use crate::bindings::types::input as wit;
use crate::{ToolError, schema};

pub use wit::{
    Answer, Consent, Form, Message, MessageContent, NamedQuestion, Question, Questions, Reply as AnswerReply, Sample,
    Sampled, Visit,
};

/// The end of a round with one question.
#[must_use]
pub fn one(id: &str, question: Question) -> Questions {
    Questions { questions: vec![NamedQuestion { id: id.to_owned(), question }], state: None }
}

/// A form whose fields are those of a type: strings, numbers, booleans and enumerations only.
pub fn form<T: JsonSchema>(message: impl Into<String>) -> Question {
    Question::Form(Form { message: message.into(), schema: schema::output::<T>().to_string() })
}

/// What the person filled in; `None` when they refused or looked away.
///
/// # Errors
/// The answer is none to a form, or does not fit the type.
pub fn filled<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<Option<T>, ToolError> {
    match &answer.reply {
        AnswerReply::Consent(Consent::Accept(Some(json))) => serde_json::from_str(json)
            .map(Some)
            .map_err(|error| ToolError::Invalid(format!("answer `{}`: {error}", answer.id))),
        AnswerReply::Consent(Consent::Decline | Consent::Cancel) => Ok(None),
        _ => Err(ToolError::Invalid(format!("answer `{}` is none to a form", answer.id))),
    }
}
