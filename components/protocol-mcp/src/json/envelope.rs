//! Envelopes of JSON-RPC 2.0: arbitrary bytes to a message, or to the error that the specification asks for.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::params::{Params, string};
use crate::errors::{INVALID_REQUEST, PARSE_ERROR, RpcError};

/// The id of a request: a string or an integer, kept as JSON text in one normal form so that equal ids are equal texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id(String);

/// What arrived: one message, or several.
#[allow(clippy::large_enum_variant, reason = "lives on the stack of one request; a box would cost every request")]
pub(crate) enum Frame<'a> {
    /// A message.
    One(Message<'a>),
    /// A batch, which only revision 2025-03-26 has; its elements are not looked at yet.
    Batch(Vec<&'a RawValue>),
}

/// A message.
pub(crate) enum Message<'a> {
    /// Wants an answer.
    Request(Request<'a>),
    /// Wants none.
    Notification(Notification<'a>),
    /// Is the answer to a request of ours.
    Response(Response<'a>),
}

/// A request.
pub(crate) struct Request<'a> {
    /// Comes back with the answer.
    pub(crate) id: Id,
    /// What to do.
    pub(crate) method: Cow<'a, str>,
    /// With what.
    pub(crate) params: Params<'a>,
}

/// A notification.
pub(crate) struct Notification<'a> {
    /// What happened.
    pub(crate) method: Cow<'a, str>,
    /// The particulars.
    pub(crate) params: Params<'a>,
}

/// The answer to a request of ours.
pub(crate) struct Response<'a> {
    /// The id that we gave.
    pub(crate) id: Id,
    /// The result, or `Err` with the error object.
    pub(crate) result: Result<&'a RawValue, &'a RawValue>,
}

/// Why a text is no message, and whom to tell.
#[derive(Debug)]
pub(crate) struct Rejection {
    /// The request's id, if it could be read.
    pub(crate) id: Option<Id>,
    /// What to answer.
    pub(crate) error: RpcError,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

// === impl Id ===

impl Id {
    /// An id of ours.
    pub(crate) fn text(value: &str) -> Self {
        let mut writer = super::Writer::default();
        writer.string(value);
        Self(writer.finish())
    }

    /// Reads an id; neither `null` nor a fraction is one.
    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        if text.starts_with('"') {
            return string(raw).map(|value| Self::text(&value));
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| Self(text.to_owned()))
    }

    /// The id as JSON.
    pub(crate) fn json(&self) -> &str {
        &self.0
    }
}

// === impl Rejection ===

impl Rejection {
    fn new(id: Option<Id>, code: i32, message: &str) -> Self {
        Self { id, error: RpcError::new(code, message).status(400) }
    }
}

/// Reads what arrived.
///
/// # Errors
/// -32700 for what is not UTF-8 or not JSON, else as [`parse_message`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Frame<'_>, Rejection> {
    let text = std::str::from_utf8(bytes).map_err(|_| Rejection::new(None, PARSE_ERROR, "the message is not UTF-8"))?;
    if text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('[') {
        return serde_json::from_str(text).map(Frame::Batch).map_err(|_| no_json());
    }
    parse_message(text).map(Frame::One)
}

fn no_json() -> Rejection {
    Rejection::new(None, PARSE_ERROR, "the message is not JSON")
}

/// Reads one message.
///
/// # Errors
/// -32700 for what is not JSON, -32600 for JSON that is no message, -32602 for a message whose `params` are none.
pub(crate) fn parse_message(text: &str) -> Result<Message<'_>, Rejection> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            // Data errors come before the rest of the text is seen: only a text that is JSON is an invalid request.
            match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => Rejection::new(None, INVALID_REQUEST, "the message is not a JSON-RPC object"),
                Err(_) => no_json(),
            }
        } else {
            no_json()
        }
    })?;
    let id = match envelope.id {
        None => None,
        Some(raw) => Some(
            Id::read(raw)
                .ok_or_else(|| Rejection::new(None, INVALID_REQUEST, "`id` must be a string or an integer"))?,
        ),
    };
    if envelope.jsonrpc.and_then(string).as_deref() != Some("2.0") {
        return Err(Rejection::new(id, INVALID_REQUEST, "`jsonrpc` must be \"2.0\""));
    }
    let Some(method) = envelope.method else { return response(id, envelope.result, envelope.error) };
    let Some(method) = string(method) else {
        return Err(Rejection::new(id, INVALID_REQUEST, "`method` must be a string"));
    };
    match (Params::parse(envelope.params), id) {
        (Ok(params), Some(id)) => Ok(Message::Request(Request { id, method, params })),
        (Ok(params), None) => Ok(Message::Notification(Notification { method, params })),
        (Err(error), id) => Err(Rejection { id, error: error.status(400) }),
    }
}

fn response<'a>(
    id: Option<Id>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
) -> Result<Message<'a>, Rejection> {
    let result = match (result, error) {
        (Some(result), None) => Ok(result),
        (None, Some(error)) => Err(error),
        _ => return Err(Rejection::new(id, INVALID_REQUEST, "`method` is missing")),
    };
    let id = id.ok_or_else(|| Rejection::new(None, INVALID_REQUEST, "a response needs an `id`"))?;
    Ok(Message::Response(Response { id, result }))
}
