//! What goes back: one whole answer, or a stream of server-sent events.

use crate::error::{ApiError, Retry};

/// The way back to the client, for one response.
pub(crate) trait Exit {
    /// Sends a response whole.
    fn send(&mut self, reply: Reply);
    /// Begins a stream of events.
    fn open(&mut self) -> Result<(), Gone>;
    /// Sends something on the stream at once.
    fn write(&mut self, text: &str) -> Result<(), Gone>;
}

/// The client has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// A whole response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Of HTTP.
    pub(crate) status: u16,
    /// JSON.
    pub(crate) body: String,
    /// Whether official clients come again by themselves.
    pub(crate) retry: Retry,
    /// `Allow`.
    pub(crate) allow: Option<&'static str>,
}

impl Reply {
    /// A response with JSON.
    pub(crate) fn json(status: u16, body: String) -> Self {
        Self { status, body, retry: Retry::ByStatus, allow: None }
    }

    /// An error, with its status.
    pub(crate) fn error(error: &ApiError) -> Self {
        Self { retry: error.retry, ..Self::json(error.status, error.json()) }
    }

    /// What stands in its head beside its length and kind.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        match self.retry {
            Retry::ByStatus => {}
            Retry::After(seconds) => headers.push(("retry-after", seconds.to_string())),
            // Official clients read it.
            Retry::Never => headers.push(("x-should-retry", "false".to_owned())),
        }
        headers.extend(self.allow.map(|allow| ("allow", allow.to_owned())));
        headers
    }
}
