//! What goes back: one whole answer, or a stream of server-sent events.

use crate::errors::RpcError;

/// The way back to the client, for one response.
pub(crate) trait Exit {
    /// Sends a response whole.
    fn send(&mut self, reply: Reply);
    /// Begins a stream of events.
    fn open(&mut self, session: Option<&str>) -> Result<(), Gone>;
    /// Sends bytes of the stream at once.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Gone>;
}

/// The client has gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// A whole response.
pub(crate) struct Reply {
    /// Of HTTP.
    pub(crate) status: u16,
    /// JSON, or nothing.
    pub(crate) body: Option<String>,
    /// `Mcp-Session-Id`.
    pub(crate) session: Option<String>,
    /// `Allow`.
    pub(crate) allow: Option<&'static str>,
    /// `WWW-Authenticate`.
    pub(crate) challenge: Option<String>,
}

impl Reply {
    /// A response with JSON.
    pub(crate) fn json(status: u16, body: String) -> Self {
        Self { status, body: Some(body), session: None, allow: None, challenge: None }
    }

    /// An error that the client mends with another token.
    pub(crate) fn forbidden(body: String, challenge: String) -> Self {
        Self { challenge: Some(challenge), ..Self::json(403, body) }
    }

    /// A response without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: None, session: None, allow: None, challenge: None }
    }

    /// An error, with the status that it travels with.
    pub(crate) fn error(error: &RpcError, id: Option<&crate::json::Id>) -> Self {
        Self::json(error.status, error.message(id))
    }
}

/// A comment that keeps the way open through proxies, and finds out whether the client is still there.
pub(crate) const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// A message as an event; it has no line break inside.
pub(crate) fn event(message: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 24);
    bytes.extend_from_slice(b"event: message\ndata: ");
    bytes.extend_from_slice(message.as_bytes());
    bytes.extend_from_slice(b"\n\n");
    bytes
}
