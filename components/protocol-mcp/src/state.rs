//! `requestState`: what a round left behind, on its way through a modern client.
//!
//! Sealed by the host (`tidegate:gateway/seal`): encrypted, authenticated, with an end, and bound to what it belongs to:
//! method, target and arguments, and the client's identity. Nothing is kept here, so any node of a cluster goes on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;

use crate::errors::{INTERNAL, RpcError};
use crate::exchange::Kind;
use crate::gateway::Gateway;
use crate::json::{Params, Writer, text};

/// People answer questions over lunch, not over weeks.
const SECONDS: u32 = 3_600;

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
    let text = writer.finish();
    // Equal as JSON: a client may write its arguments with other spaces and in another order the second time.
    serde_json::from_str::<serde_json::Value>(&text).map_or(text, |value| value.to_string())
}

/// Seals a state as a `requestState`; nothing for no state.
///
/// # Errors
/// -32603 when the node cannot seal it.
pub(crate) fn keep<G: Gateway>(gateway: &G, state: Option<&[u8]>, binding: &str) -> Result<Option<String>, RpcError> {
    let Some(state) = state else { return Ok(None) };
    match gateway.seal(state, binding.as_bytes(), SECONDS) {
        Ok(sealed) => Ok(Some(URL_SAFE_NO_PAD.encode(sealed))),
        Err(_) => Err(RpcError::new(INTERNAL, "the node could not seal the state of the call")),
    }
}

/// Gives back a state.
///
/// # Errors
/// -32602 for what is not ours, is too old, or belongs to another request.
pub(crate) fn open<G: Gateway>(gateway: &G, raw: &RawValue, binding: &str) -> Result<Option<Vec<u8>>, RpcError> {
    let text = text("requestState", Some(raw))?;
    let opened = URL_SAFE_NO_PAD.decode(text.as_bytes()).ok();
    let opened = opened.and_then(|sealed| gateway.unseal(&sealed, binding.as_bytes()).ok());
    opened.map(Some).ok_or_else(|| {
        RpcError::params(
            "`requestState` is not one that this server gave for this very request, or too old: start again",
        )
    })
}
