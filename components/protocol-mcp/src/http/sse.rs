//! HTTP+SSE, the transport of 2024-11-05: one stream for everything that goes to the client, and an address of its own
//! for what comes from it.
//!
//! The stream is served by one instance, messages by others; what these have to say goes through a [`Log`] within the
//! session. The session ends with its stream.

use super::calls::SILENCE;
use super::head::Head;
use super::legacy;
use super::log::{Entry, Log};
use super::serve::{Refused, refuse};
use super::stream::{Exit, Gone, Line, Reply};
use crate::bindings::tidegate::types::event::ClientFeatures;
use crate::errors::{INTERNAL, INVALID_REQUEST, RpcError, SESSION_NOT_FOUND};
use crate::gateway::{Gateway, Mailbox, Source, Watch};
use crate::json::{Frame, Message, Request, parse};
use crate::methods::{initialize, initialized, legacy_change};
use crate::revision::FIRST;
use crate::session::{HttpSession, Note, View};

/// Where a stream begins.
pub(super) const STREAM: &str = "/sse";
/// Where messages go.
pub(super) const MESSAGES: &str = "/messages";

/// Opens the stream, and with it a session, which lasts as long.
pub(super) fn stream<G: Gateway, E: Exit>(gateway: &G, head: &Head, exit: &mut E) -> Refused {
    head.check_get().map_err(refuse)?;
    // What the client is able to do it says later, on the other address.
    let view = View { revision: &FIRST, features: ClientFeatures::empty(), level: None, tasks: None };
    let mut session = HttpSession::make(gateway, view).map_err(refuse)?;
    let Some(mut log) = Log::make(gateway, &session.mailbox, false) else {
        session.mailbox.close();
        let text = "too many streams are open; try again later";
        return Err(refuse(RpcError::new(INTERNAL, text).status(503)));
    };
    let endpoint = format!("{MESSAGES}?session={}&stream={}", session.session_id(), log.id());
    let told = exit.open(None).and_then(|()| exit.write(&Line::Endpoint(&endpoint)));
    if told.is_ok() {
        relay(gateway, &mut session, &mut log, exit);
    }
    session.mailbox.close();
    Ok(())
}

/// Sends what the session has to say until the client goes or the session ends.
fn relay<G: Gateway, E: Exit>(
    gateway: &G,
    session: &mut HttpSession<G::Mailbox>,
    log: &mut Log<G::Mailbox>,
    exit: &mut E,
) {
    let watch = gateway.watch();
    let mut told = Ok(());
    while told.is_ok() {
        let sources = [
            Source::Watch(&watch),
            Source::Mailbox(&session.mailbox, session.seen),
            Source::Mailbox(log.mailbox(), log.seen),
            Source::Closed,
        ];
        if !gateway.wait(&sources, Some(SILENCE)) {
            told = exit.write(&Line::KeepAlive);
        }
        if gateway.is_closed() || session.notes().is_none() {
            return;
        }
        let mut expected = log.seen + 1;
        let Some(news) = log.news() else { return };
        for entry in news {
            let Entry::Event(number, text) = entry else { continue };
            if number != expected {
                // The client reads too slowly, and answers are lost: better no session than one that waits for ever.
                return;
            }
            expected += 1;
            told = told.and_then(|()| exit.write(&Line::Message(None, &text)));
        }
        for change in watch.next() {
            if let (Ok(()), Some(text)) = (&told, legacy_change(&session.session, &change)) {
                told = exit.write(&Line::Message(None, &text));
            }
        }
    }
}

/// Takes a message: 202 at once, the answer on the stream.
pub(super) fn message<G: Gateway, E: Exit>(
    gateway: &G,
    head: &Head,
    stream: &str,
    body: &[u8],
    exit: &mut E,
) -> Refused {
    let mut session = legacy::open(gateway, head).map_err(refuse)?;
    let gone = || refuse(RpcError::new(SESSION_NOT_FOUND, "session not found: open the stream again").status(404));
    let log = Log::open(gateway, &session.mailbox, stream, 1).ok_or_else(gone)?;
    let message = match parse(body).map_err(Some)? {
        Frame::One(message) => message,
        Frame::Batch(_) => {
            let text = "this transport has no batches: send one message at a time";
            return Err(refuse(RpcError::new(INVALID_REQUEST, text).status(400)));
        }
    };
    let request = match &message {
        Message::Request(request) => request,
        Message::Notification(one) => return legacy::notification(gateway, head, one, exit),
        Message::Response(one) => return legacy::response(gateway, head, one, exit),
    };
    exit.send(Reply::empty(202));
    let Ok(handle) = gateway.open(&session.session_id()) else { return Ok(()) };
    let mut out = Out { session: handle, log };
    let served = match request.method.as_ref() {
        "initialize" => begin(gateway, &session, request, &mut out),
        _ => legacy::serve(gateway, &mut session, request, std::str::from_utf8(body).unwrap_or_default(), &mut out),
    };
    if let Err(error) = served {
        out.send(Reply::error(&error, Some(&request.id)));
    }
    Ok(())
}

fn begin<G: Gateway>(
    gateway: &G,
    session: &HttpSession<G::Mailbox>,
    request: &Request<'_>,
    out: &mut Out<G::Mailbox>,
) -> Result<(), RpcError> {
    let view = initialize(request)?;
    let text = initialized(gateway, view.revision, request);
    session.post(&Note::begin(&view))?;
    out.send(Reply::json(200, text));
    Ok(())
}

/// The way to the session's stream.
struct Out<M: Mailbox> {
    session: M,
    log: Log<M>,
}

impl<M: Mailbox> Exit for Out<M> {
    fn send(&mut self, reply: Reply) {
        if let Some(text) = reply.body {
            let _ = self.write(&Line::Message(None, &text));
        }
    }

    fn open(&mut self, _: Option<&str>) -> Result<(), Gone> {
        Ok(())
    }

    fn write(&mut self, line: &Line<'_>) -> Result<(), Gone> {
        let Line::Message(_, text) = line else { return Ok(()) };
        if self.log.add(text).is_none() {
            // An answer that cannot be kept must not be waited for.
            self.session.close();
            return Err(Gone);
        }
        Ok(())
    }

    fn end(&mut self) {}

    fn is_resumable(&self) -> bool {
        false
    }
}
