//! What goes back: one whole answer, or a stream of server-sent events.

use crate::errors::RpcError;

/// The way back to the client, for one response.
pub(crate) trait Exit {
    /// Sends a response whole.
    fn send(&mut self, reply: Reply);
    /// Begins a stream of events.
    fn open(&mut self, session: Option<&str>) -> Result<(), Gone>;
    /// Sends something on the stream at once.
    fn write(&mut self, line: &Line<'_>) -> Result<(), Gone>;
    /// Ends the stream.
    fn end(&mut self);
    /// Whether a client that loses this stream may come back for the rest of it.
    fn is_resumable(&self) -> bool {
        true
    }
}

/// The client has gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// What is sent on a stream.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    /// A message, and the id by which the client says that it had this.
    Message(Option<&'a str>, &'a str),
    /// The first event of a stream: an id to come back with, and after how many milliseconds.
    Start(&'a str, u32),
    /// Where to send messages to (HTTP+SSE of 2024-11-05).
    Endpoint(&'a str),
    /// A comment that keeps the way open through proxies, and finds out whether the client is still there.
    KeepAlive,
}

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

impl Line<'_> {
    /// As an event of the WHATWG's format. A message has no line break inside.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |parts: &[&str]| parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
        match self {
            Self::Message(None, text) => put(&["event: message\ndata: ", text, "\n\n"]),
            Self::Message(Some(id), text) => put(&["id: ", id, "\nevent: message\ndata: ", text, "\n\n"]),
            Self::Start(id, retry) => put(&["id: ", id, "\nretry: ", &retry.to_string(), "\ndata: \n\n"]),
            Self::Endpoint(path) => put(&["event: endpoint\ndata: ", path, "\n\n"]),
            Self::KeepAlive => put(&[": keep-alive\n\n"]),
        }
        bytes
    }
}
