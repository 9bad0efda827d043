//! An HTTP client with caps, over `wasi:http`. Policy decides which hosts may be reached.
//!
//! ```no_run
//! # fn fetch(call: &tidegate_sdk::Call) -> Result<(), tidegate_sdk::ToolError> {
//! let answer = tidegate_sdk::http::get("https://example.org/")?.header("accept", "text/html").send(call)?;
//! assert_eq!(answer.status, 200);
//! # Ok(()) }
//! ```
use std::fmt;
use std::time::Duration;

use crate::Call;

mod send;
mod url;

pub use url::{Url, UrlError};

/// Bytes of a body unless [`Request::max_bytes`] says otherwise. Without a cap one answer fills the component's memory.
pub const DEFAULT_MAX_BYTES: usize = 1024 * 1024;

/// Time for an exchange unless [`Request::timeout`] says otherwise. Without it a silent server holds the call until its
/// deadline, and the caller learns nothing about why.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    url: Url,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    max_bytes: usize,
    timeout: Duration,
}

/// An answer. Statuses of failure (404, 500) are answers, not errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers in the order they came; names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, up to the cap.
    pub body: Vec<u8>,
    /// The body was longer than the cap.
    pub truncated: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// The address is no `http:` or `https:` URL.
    Url(UrlError),
    /// A header, or the method, is not well formed; the text says which.
    Invalid(String),
    /// Policy does not grant the destination; the text says more.
    Denied(String),
    /// Nothing came in time.
    Timeout(Duration),
    /// The call was cancelled.
    Cancelled,
    /// Name resolution, connection or TLS failed, or the server broke off; the text says which.
    Transport(String),
}

/// A GET request.
///
/// # Errors
/// `url` is no `http:` or `https:` URL.
pub fn get(url: &str) -> Result<Request, HttpError> {
    request("GET", url)
}

/// A HEAD request.
///
/// # Errors
/// `url` is no `http:` or `https:` URL.
pub fn head(url: &str) -> Result<Request, HttpError> {
    request("HEAD", url)
}

/// A POST request.
///
/// # Errors
/// `url` is no `http:` or `https:` URL.
pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Result<Request, HttpError> {
    Ok(request("POST", url)?.body(body))
}

/// A request with any method.
///
/// # Errors
/// `url` is no `http:` or `https:` URL.
pub fn request(method: &str, url: &str) -> Result<Request, HttpError> {
    Ok(Request::new(method, Url::parse(url)?))
}

impl Request {
    /// A request to an address that is parsed already.
    #[must_use]
    pub fn new(method: &str, url: Url) -> Self {
        Self {
            method: method.to_owned(),
            url,
            headers: Vec::new(),
            body: Vec::new(),
            max_bytes: DEFAULT_MAX_BYTES,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Caps the answer's body; what comes after is not read and [`Answer::truncated`] says so.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Caps the time of the whole exchange.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends it and waits for the whole answer, the cancellation of the call or the time cap. Redirects are answers: it
    /// follows none.
    ///
    /// # Errors
    /// Policy, transport, time or cancellation.
    pub fn send(self, call: &Call<'_>) -> Result<Answer, HttpError> {
        send::send(self, call)
    }
}

impl Answer {
    /// The first header of this name (lower case), if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

impl From<UrlError> for HttpError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Invalid(text) | Self::Denied(text) | Self::Transport(text) => f.write_str(text),
            Self::Timeout(time) => write!(f, "no complete answer within {} s", time.as_secs_f32()),
            Self::Cancelled => f.write_str("the call was cancelled"),
        }
    }
}

impl std::error::Error for HttpError {}
