//! Errors of JSON-RPC and of MCP: codes, the HTTP status each travels with, and how they are written.

use crate::bindings::tidegate::gateway::calls::Refusal;
use crate::json::{Id, Writer};

/// Not JSON.
pub(crate) const PARSE_ERROR: i32 = -32700;
/// JSON, but no message, or not one for this moment.
pub(crate) const INVALID_REQUEST: i32 = -32600;
/// No such method in this revision.
pub(crate) const METHOD_NOT_FOUND: i32 = -32601;
/// Parameters that do not fit.
pub(crate) const INVALID_PARAMS: i32 = -32602;
/// We, or a component, failed.
pub(crate) const INTERNAL: i32 = -32603;
/// No such session; what official servers of the legacy revisions use beside HTTP 404.
pub(crate) const SESSION_NOT_FOUND: i32 = -32001;
/// No such resource, up to 2025-11-25.
pub(crate) const RESOURCE_NOT_FOUND: i32 = -32002;
/// Headers and body disagree (2026-07-28).
pub(crate) const HEADER_MISMATCH: i32 = -32020;
/// The client cannot answer what the call must ask (2026-07-28).
pub(crate) const MISSING_CAPABILITY: i32 = -32021;
/// The revision is not served (2026-07-28).
pub(crate) const UNSUPPORTED_VERSION: i32 = -32022;

/// An error to answer with.
#[derive(Debug)]
pub(crate) struct RpcError {
    /// One of the codes above.
    pub(crate) code: i32,
    /// For people.
    pub(crate) message: String,
    /// For programs, JSON.
    pub(crate) data: Option<String>,
    /// The HTTP status that it travels with: 200 for what a method answers, 4xx for what the transport refuses.
    pub(crate) status: u16,
}

impl RpcError {
    /// An error that travels with status 200.
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, status: 200 }
    }

    /// Parameters that do not fit.
    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    /// What takes more rights than the client has; `data` names the scopes.
    pub(crate) fn forbidden(refusal: &Refusal) -> Self {
        let mut data = Writer::default();
        data.begin_object().key("scopes").begin_array();
        for scope in &refusal.scopes {
            data.string(scope);
        }
        data.end_array().end_object();
        Self::new(INVALID_REQUEST, &refusal.reason).status(403).data(data.finish())
    }

    /// The same with another HTTP status.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with data.
    pub(crate) fn data(mut self, json: String) -> Self {
        self.data = Some(json);
        self
    }

    /// The error object alone.
    pub(crate) fn object(&self) -> String {
        let mut writer = Writer::with_capacity(64 + self.message.len());
        writer.begin_object().key("code").integer(self.code).field("message", &self.message);
        writer.maybe_raw("data", self.data.as_deref()).end_object();
        writer.finish()
    }

    /// The message to send; `id` is `null` when the request's could not be read.
    pub(crate) fn message(&self, id: Option<&Id>) -> String {
        let mut writer = Writer::with_capacity(128 + self.message.len());
        writer.begin_object().field("jsonrpc", "2.0").key("id").raw(id.map_or("null", Id::json));
        writer.key("error").raw(&self.object()).end_object();
        writer.finish()
    }
}
