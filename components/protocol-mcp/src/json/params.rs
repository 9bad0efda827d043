//! Parameters of requests: every member that any method of any revision reads, kept as JSON text.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::errors::RpcError;

type Member<'a> = Option<&'a RawValue>;

/// Keeps `null` apart from a member that is not there.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Member<'a>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// `params`. Members that no method knows pass unread.
#[derive(Clone, Copy, Default, Deserialize)]
pub(crate) struct Params<'a> {
    #[serde(borrow, rename = "_meta", default, deserialize_with = "present")]
    pub(crate) meta: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) name: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) uri: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) arguments: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) cursor: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) level: Member<'a>,
    #[serde(borrow, rename = "ref", default, deserialize_with = "present")]
    pub(crate) reference: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) argument: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) context: Member<'a>,
    #[serde(borrow, rename = "protocolVersion", default, deserialize_with = "present")]
    pub(crate) protocol_version: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) capabilities: Member<'a>,
    #[serde(borrow, rename = "inputResponses", default, deserialize_with = "present")]
    pub(crate) input_responses: Member<'a>,
    #[serde(borrow, rename = "requestState", default, deserialize_with = "present")]
    pub(crate) request_state: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) notifications: Member<'a>,
    #[serde(borrow, rename = "requestId", default, deserialize_with = "present")]
    pub(crate) request_id: Member<'a>,
    #[serde(borrow, rename = "taskId", default, deserialize_with = "present")]
    pub(crate) task_id: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) task: Member<'a>,
}

/// `params._meta`, as far as the protocol itself reads it.
#[derive(Clone, Copy, Default, Deserialize)]
pub(crate) struct Meta<'a> {
    #[serde(borrow, rename = "progressToken", default, deserialize_with = "present")]
    pub(crate) progress_token: Member<'a>,
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion", default, deserialize_with = "present")]
    pub(crate) protocol_version: Member<'a>,
    #[serde(borrow, rename = "io.modelcontextprotocol/clientInfo", default, deserialize_with = "present")]
    pub(crate) client_info: Member<'a>,
    #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities", default, deserialize_with = "present")]
    pub(crate) client_capabilities: Member<'a>,
    #[serde(borrow, rename = "io.modelcontextprotocol/logLevel", default, deserialize_with = "present")]
    pub(crate) log_level: Member<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) traceparent: Member<'a>,
}

impl<'a> Params<'a> {
    /// Reads `params`; what is not there is an empty object.
    pub(crate) fn parse(raw: Member<'a>) -> Result<Self, RpcError> {
        let Some(raw) = raw else { return Ok(Self::default()) };
        object("params", raw)?;
        serde_json::from_str(raw.get()).map_err(|_| RpcError::params("a member of `params` is there twice"))
    }

    /// Reads `_meta`; what is not there is an empty object.
    pub(crate) fn meta(&self) -> Result<Meta<'a>, RpcError> {
        let Some(raw) = self.meta else { return Ok(Meta::default()) };
        object("_meta", raw)?;
        serde_json::from_str(raw.get()).map_err(|_| RpcError::params("a member of `_meta` is there twice"))
    }
}

/// The text of an object, or an error that names the member.
pub(crate) fn object<'a>(name: &str, raw: &'a RawValue) -> Result<&'a str, RpcError> {
    let text = raw.get();
    if text.starts_with('{') { Ok(text) } else { Err(RpcError::params(format!("`{name}` must be an object"))) }
}

/// A required string, or an error that names the member.
pub(crate) fn text<'a>(name: &str, raw: Member<'a>) -> Result<Cow<'a, str>, RpcError> {
    let raw = raw.ok_or_else(|| RpcError::params(format!("`{name}` is missing")))?;
    string(raw).ok_or_else(|| RpcError::params(format!("`{name}` must be a string")))
}

/// A string without an allocation where there is no escape in it.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}
