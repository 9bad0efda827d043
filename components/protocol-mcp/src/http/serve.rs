//! One HTTP request: which era it belongs to, and what both eras refuse.

use super::head::{Head, Place, Verb};
use super::stream::{Exit, Reply};
use super::{legacy, modern, sse};
use crate::errors::{INVALID_REQUEST, RpcError};
use crate::gateway::Gateway;
use crate::json::{Frame, Message, Rejection, parse};
use crate::revision::Revision;

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is longer than we read.
    TooLong,
    /// The client stopped in the middle.
    Broken,
}

/// Serves a request. The body is read only if the head promises that it makes sense.
pub(crate) fn serve<G: Gateway, E: Exit>(
    gateway: &G,
    verb: Verb,
    head: &Head,
    body: impl FnOnce() -> Result<Vec<u8>, BodyError>,
    exit: &mut E,
) {
    let modern_header = head.version.as_deref().and_then(Revision::named).is_some_and(Revision::is_modern);
    let refused = match verb {
        Verb::Get if head.place == Place::Stream => sse::stream(gateway, head, exit),
        Verb::Post if head.place == Place::Stream => Err(not_allowed(exit, "GET")),
        _ if head.place != Place::Endpoint && verb != Verb::Post => Err(not_allowed(exit, "POST")),
        Verb::Post => post(gateway, head, body, exit),
        Verb::Get | Verb::Delete if modern_header => Err(not_allowed(exit, "POST")),
        Verb::Get => legacy::get(gateway, head, exit),
        Verb::Delete => legacy::end(gateway, head, exit),
        Verb::Other => Err(not_allowed(exit, "GET, POST, DELETE")),
    };
    if let Err(Some(rejection)) = refused {
        exit.send(Reply::error(&rejection.error, rejection.id.as_ref()));
    }
}

/// `None`: the refusal is sent already.
pub(super) type Refused = Result<(), Option<Rejection>>;

fn not_allowed<E: Exit>(exit: &mut E, allow: &'static str) -> Option<Rejection> {
    let error = RpcError::new(INVALID_REQUEST, format!("method not allowed here; use {allow}")).status(405);
    exit.send(Reply { allow: Some(allow), ..Reply::error(&error, None) });
    None
}

/// An error without an id.
pub(super) fn refuse(error: RpcError) -> Option<Rejection> {
    Some(Rejection { id: None, error })
}

fn post<G: Gateway, E: Exit>(
    gateway: &G,
    head: &Head,
    body: impl FnOnce() -> Result<Vec<u8>, BodyError>,
    exit: &mut E,
) -> Refused {
    head.check_post().map_err(refuse)?;
    let body = body().map_err(|error| {
        refuse(match error {
            BodyError::TooLong => RpcError::new(INVALID_REQUEST, "the body is longer than 8 MiB").status(413),
            BodyError::Broken => RpcError::new(INVALID_REQUEST, "the body broke off").status(400),
        })
    })?;
    if let Place::Messages(stream) = &head.place {
        return sse::message(gateway, head, stream, &body, exit);
    }
    match parse(&body).map_err(Some)? {
        Frame::Batch(parts) => legacy::batch(gateway, head, &parts, exit),
        Frame::One(message) if modern::claims(head, &message) => {
            modern::serve(gateway, head, &message, std::str::from_utf8(&body).unwrap_or_default(), exit)
        }
        Frame::One(Message::Request(request)) => {
            legacy::request(gateway, head, &request, std::str::from_utf8(&body).unwrap_or_default(), exit)
        }
        Frame::One(Message::Notification(one)) => legacy::notification(gateway, head, &one, exit),
        Frame::One(Message::Response(response)) => legacy::response(gateway, head, &response, exit),
    }
}
