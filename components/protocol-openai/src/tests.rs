//! The core over a double: whole requests in, whole answers out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod chat;
mod completions;
mod embeddings;
mod errors;
mod streams;

use serde_json::Value;

use crate::double::Caught;

/// The body of an answer that came with this status.
fn answered(caught: &Caught, status: u16) -> Value {
    let reply = caught.reply.as_ref().expect("an answer");
    assert_eq!(reply.status, status, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

/// Parameter, code and message of an error.
fn error(caught: &Caught, status: u16) -> (Option<String>, Option<String>, String) {
    let body = answered(caught, status);
    let error = body["error"].as_object().expect("an error");
    assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "param", "type"], "the shape is OpenAI's");
    let text = |name: &str| error[name].as_str().map(str::to_owned);
    (text("param"), text("code"), text("message").unwrap())
}
