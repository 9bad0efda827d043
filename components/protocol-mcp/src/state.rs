//! `requestState`: what a round left behind, on its way through a modern client.
//!
//! The client gets the id of a mailbox, 128 random bits, and never the state itself: there is nothing in it to forge or
//! to read. The mailbox also holds what the state belongs to (method, target and arguments), and is forgotten when the
//! client does not come back.

use serde_json::value::RawValue;

use crate::bindings::tidegate::gateway::mailboxes::{Error, Options};
use crate::errors::{INTERNAL, RpcError};
use crate::exchange::Kind;
use crate::gateway::{Gateway, Mailbox};
use crate::json::{Params, Writer, text};

/// People answer questions over lunch, not over weeks; abandoned states must not fill the node.
const IDLE_SECONDS: u32 = 3_600;

/// What a state belongs to: only a retry of the same request may use it.
pub(crate) fn binding(kind: Kind, params: &Params<'_>) -> String {
    let mut writer = Writer::default();
    writer.begin_array().string(match kind {
        Kind::Tool => "tool",
        Kind::Resource => "resource",
        Kind::Prompt => "prompt",
        Kind::Completion => "completion",
    });
    for raw in [params.name, params.uri, params.arguments] {
        writer.raw(raw.map_or("null", RawValue::get));
    }
    writer.end_array();
    writer.finish()
}

/// Keeps a state and gives its `requestState`; nothing for no state.
///
/// # Errors
/// -32603 when the node can hold no more.
pub(crate) fn keep<G: Gateway>(gateway: &G, state: Option<&[u8]>, binding: &str) -> Result<Option<String>, RpcError> {
    let Some(state) = state else { return Ok(None) };
    // The binding has no line break: `Writer::raw` takes them out.
    let first = [binding.as_bytes(), b"\n", state].concat();
    match gateway.make(Options { idle_seconds: IDLE_SECONDS, messages: 1 }, &first) {
        Ok(mailbox) => Ok(Some(mailbox.id())),
        Err(Error::Full) => Err(RpcError::new(INTERNAL, "too many calls wait for answers; try again later")),
        Err(_) => Err(RpcError::new(INTERNAL, "the node could not keep the state of the call")),
    }
}

/// Gives back a state.
///
/// # Errors
/// -32602 for what is not ours, is forgotten, or belongs to another request.
pub(crate) fn open<G: Gateway>(gateway: &G, raw: &RawValue, binding: &str) -> Result<Option<Vec<u8>>, RpcError> {
    let id = text("requestState", Some(raw))?;
    let stranger = || RpcError::params("`requestState` is not one that this server gave, or too old: start again");
    let mailbox = gateway.open(&id).map_err(|_| stranger())?;
    let first = mailbox.read(0, 1).ok().and_then(|messages| messages.into_iter().next()).ok_or_else(stranger)?;
    let mut parts = first.body.splitn(2, |byte| *byte == b'\n');
    let (Some(bound), Some(state)) = (parts.next(), parts.next()) else { return Err(stranger()) };
    if !same(bound, binding) {
        return Err(RpcError::params("`requestState` belongs to a request with another target or other arguments"));
    }
    Ok(Some(state.to_vec()))
}

/// Equal as JSON: a client may write its arguments with other spaces the second time.
fn same(bound: &[u8], binding: &str) -> bool {
    if bound == binding.as_bytes() {
        return true;
    }
    let one = serde_json::from_slice::<serde_json::Value>(bound);
    let other = serde_json::from_str::<serde_json::Value>(binding);
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}
