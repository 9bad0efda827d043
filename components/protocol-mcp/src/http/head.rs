//! The head of a request, and the rules that concern it alone.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::sse;
use crate::errors::{HEADER_MISMATCH, INVALID_REQUEST, RpcError};
use crate::json::{Params, string};

/// The methods of HTTP that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Messages.
    Post,
    /// The stream of a legacy session.
    Get,
    /// The end of a legacy session.
    Delete,
    /// Anything else.
    Other,
}

/// What a path stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// Streamable HTTP.
    #[default]
    Endpoint,
    /// The stream of HTTP+SSE.
    Stream,
    /// The messages of HTTP+SSE, and the stream that their answers go to.
    Messages(String),
}

/// The headers that are read. A header that came twice has its values joined by `, `, as HTTP has it.
#[derive(Default)]
pub(crate) struct Head {
    /// Where the request goes.
    pub(crate) place: Place,
    accept: Option<String>,
    content_type: Option<String>,
    /// `MCP-Protocol-Version`.
    pub(crate) version: Option<String>,
    /// `Mcp-Method`.
    pub(crate) method: Option<String>,
    /// `Mcp-Name`.
    pub(crate) name: Option<String>,
    /// `Mcp-Session-Id`.
    pub(crate) session: Option<String>,
    /// `Last-Event-ID`.
    pub(crate) last_event: Option<String>,
    /// `Mcp-Param-*`: what stands for `*`, and the value.
    mirrored: Vec<(String, String)>,
}

const MIRRORED: &str = "mcp-param-";

impl Head {
    /// Reads the headers; names in any case, values without the white space around them.
    pub(crate) fn read<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut head = Self::default();
        for (name, value) in headers {
            let place = match name.len() {
                6 if name.eq_ignore_ascii_case("accept") => &mut head.accept,
                12 if name.eq_ignore_ascii_case("content-type") => &mut head.content_type,
                20 if name.eq_ignore_ascii_case("mcp-protocol-version") => &mut head.version,
                10 if name.eq_ignore_ascii_case("mcp-method") => &mut head.method,
                8 if name.eq_ignore_ascii_case("mcp-name") => &mut head.name,
                14 if name.eq_ignore_ascii_case("mcp-session-id") => &mut head.session,
                13 if name.eq_ignore_ascii_case("last-event-id") => &mut head.last_event,
                _ => {
                    head.add_mirrored(name, &trimmed(value));
                    continue;
                }
            };
            let value = trimmed(value);
            match place {
                Some(before) => {
                    before.push_str(", ");
                    before.push_str(&value);
                }
                None => *place = Some(value.into_owned()),
            }
        }
        head
    }

    /// Reads the path and what stands behind its `?`.
    pub(crate) fn at(mut self, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        match path {
            sse::STREAM => self.place = Place::Stream,
            sse::MESSAGES => {
                self.place = Place::Messages(value("stream").unwrap_or_default().to_owned());
                self.session = Some(value("session").unwrap_or_default().to_owned());
            }
            _ => {}
        }
        self
    }

    fn add_mirrored(&mut self, name: &str, value: &str) {
        let Some(rest) = mirrored(name) else { return };
        match self.mirrored.iter_mut().find(|(one, _)| one.eq_ignore_ascii_case(rest)) {
            Some((_, before)) => {
                before.push_str(", ");
                before.push_str(value);
            }
            None => self.mirrored.push((rest.to_owned(), value.to_owned())),
        }
    }

    /// The header `Mcp-Param-NAME`.
    pub(super) fn mirrored(&self, name: &str) -> Option<&str> {
        self.mirrored.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a POST may be read at all.
    ///
    /// # Errors
    /// 415 for a body that is not said to be JSON, 406 for a client that does not take both kinds of answer.
    pub(crate) fn check_post(&self) -> Result<(), RpcError> {
        let kind = self.content_type.as_deref().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(RpcError::new(INVALID_REQUEST, "`Content-Type` must be `application/json`").status(415));
        }
        // What answers a message of HTTP+SSE has no body.
        let bare = self.place != Place::Endpoint;
        if bare || (self.accepts("application", "json") && self.accepts("text", "event-stream")) {
            return Ok(());
        }
        let text = "`Accept` must name `application/json` and `text/event-stream`";
        Err(RpcError::new(INVALID_REQUEST, text).status(406))
    }

    /// Whether a GET may open a stream.
    ///
    /// # Errors
    /// 406 for a client that does not take a stream.
    pub(crate) fn check_get(&self) -> Result<(), RpcError> {
        if self.accepts("text", "event-stream") {
            return Ok(());
        }
        Err(RpcError::new(INVALID_REQUEST, "`Accept` must name `text/event-stream`").status(406))
    }

    /// Without an `Accept` header everything is welcome (RFC 9110, 12.5.1).
    fn accepts(&self, kind: &str, sort: &str) -> bool {
        let Some(accept) = &self.accept else { return true };
        accept.split(',').any(|range| {
            let mut parts = range.split(';');
            let (one, two) = parts.next().unwrap_or_default().trim().split_once('/').unwrap_or_default();
            let refused = parts.any(|part| matches!(part.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            let matches =
                one == "*" || (one.eq_ignore_ascii_case(kind) && (two == "*" || two.eq_ignore_ascii_case(sort)));
            matches && !refused
        })
    }

    /// Whether the headers of a modern request say what its body says.
    ///
    /// # Errors
    /// -32020 with status 400 for a header that is missing or says something else.
    pub(crate) fn check_modern(&self, version: &str, method: &str, params: &Params<'_>) -> Result<(), RpcError> {
        let Some(header) = &self.version else { return Err(absent("MCP-Protocol-Version")) };
        if header != version {
            return Err(differs("MCP-Protocol-Version", header, version));
        }
        let Some(header) = &self.method else { return Err(absent("Mcp-Method")) };
        if header != method {
            return Err(differs("Mcp-Method", header, method));
        }
        let mirrored = match method {
            "tools/call" | "prompts/get" => params.name,
            "resources/read" => params.uri,
            "tasks/get" | "tasks/update" | "tasks/cancel" => params.task_id,
            _ => return Ok(()),
        };
        // A body without the member fails later, for that.
        let Some(body) = mirrored.and_then(string) else { return Ok(()) };
        let Some(header) = &self.name else { return Err(absent("Mcp-Name")) };
        match decode(header) {
            Some(name) if name == body => Ok(()),
            Some(name) => Err(differs("Mcp-Name", &name, &body)),
            None => Err(mismatch("`Mcp-Name` is not base64 between `=?base64?` and `?=`".to_owned())),
        }
    }
}

fn mirrored(name: &str) -> Option<&str> {
    let (prefix, rest) = name.split_at_checked(MIRRORED.len())?;
    prefix.eq_ignore_ascii_case(MIRRORED).then_some(rest)
}

fn trimmed(value: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(value.trim_ascii())
}

pub(super) fn absent(name: &str) -> RpcError {
    mismatch(format!("the header `{name}` is missing"))
}

pub(super) fn differs(name: &str, header: &str, body: &str) -> RpcError {
    mismatch(format!("the header `{name}` says `{header}`, the body says `{body}`"))
}

pub(super) fn mismatch(text: String) -> RpcError {
    RpcError::new(HEADER_MISMATCH, text).status(400)
}

/// The value of a header that may be written as `=?base64?...?=`; `None` when it is so written and broken.
pub(super) fn decode(value: &str) -> Option<Cow<'_, str>> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(Cow::Borrowed(value)),
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok().map(Cow::Owned),
    }
}
