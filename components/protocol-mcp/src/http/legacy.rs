//! The legacy era over HTTP: sessions, their stream, batches.

use serde_json::value::RawValue;

use super::head::Head;
use super::serve::{Refused, refuse};
use super::stream::{Exit, Reply};
use super::{calls, kept, listen, resume, tasks};
use crate::answer;
use crate::errors::{INVALID_REQUEST, RpcError};
use crate::exchange::{Conclusion, Exchange, cancelled_id};
use crate::gateway::{Call, Gateway, Mailbox};
use crate::json::{Message, Notification, Rejection, Request, Response, Writer, parse_message};
use crate::methods::{Action, dispatch, initialize, initialized};
use crate::revision::Revision;
use crate::session::{HttpSession, Note};

/// Messages in a batch; each may be a call.
const MOST_IN_BATCH: usize = 64;

/// Opens the session that the head names.
pub(super) fn open<G: Gateway>(gateway: &G, head: &Head) -> Result<HttpSession<G::Mailbox>, RpcError> {
    if let Some(version) = head.version.as_deref().filter(|version| Revision::named(version).is_none()) {
        let text = format!("`MCP-Protocol-Version: {version}` is not a revision that this server speaks");
        return Err(RpcError::new(INVALID_REQUEST, text).status(400));
    }
    HttpSession::open(gateway, head.session.as_deref())
}

/// Serves a request; `text` is what it was read from.
pub(super) fn request<G: Gateway, E: Exit>(
    gateway: &G,
    head: &Head,
    request: &Request<'_>,
    text: &str,
    exit: &mut E,
) -> Refused {
    let served = match request.method.as_ref() {
        "initialize" => begin(gateway, request, exit),
        _ => open(gateway, head).and_then(|mut session| serve(gateway, &mut session, request, text, exit)),
    };
    served.map_err(|error| Some(Rejection { id: Some(request.id.clone()), error }))
}

fn begin<G: Gateway, E: Exit>(gateway: &G, request: &Request<'_>, exit: &mut E) -> Result<(), RpcError> {
    let view = initialize(request)?;
    let revision = view.revision;
    let session = HttpSession::make(gateway, view)?;
    let text = initialized(gateway, revision, request);
    exit.send(Reply { session: Some(session.session_id()), ..Reply::json(200, text) });
    Ok(())
}

pub(super) fn serve<G: Gateway, E: Exit>(
    gateway: &G,
    session: &mut HttpSession<G::Mailbox>,
    request: &Request<'_>,
    message: &str,
    exit: &mut E,
) -> Result<(), RpcError> {
    let view = session.session.view.clone();
    match dispatch(gateway, &view, request)? {
        Action::Answer(text) => exit.send(Reply::json(200, text)),
        Action::Task(text) => {
            exit.send(Reply::json(200, text));
            if let Some(work) = crate::tasks::adopt(gateway, view.revision, &request.params) {
                tasks::work(gateway, work);
            }
        }
        Action::Begin(planned, seconds) => kept::begin(gateway, session, *planned, seconds, message, exit),
        Action::Await => kept::result(gateway, session, request, exit)?,
        Action::ListTasks => {
            let text = crate::tasks::list(gateway, view.revision, request, &session.session.tasks)?;
            exit.send(Reply::json(200, text));
        }
        Action::Call(planned) => calls::run(gateway, *planned, request, Some(session), exit),
        Action::Note(note) => {
            session.check(&note)?;
            session.post(&note)?;
            exit.send(Reply::json(200, answer::empty(view.revision, &request.id)));
        }
        Action::Listen(_) => return Err(RpcError::new(INVALID_REQUEST, "sessions have a stream: use GET")),
    }
    Ok(())
}

/// Takes a notification.
pub(super) fn notification<G: Gateway, E: Exit>(
    gateway: &G,
    head: &Head,
    notification: &Notification<'_>,
    exit: &mut E,
) -> Refused {
    let session = open(gateway, head).map_err(refuse)?;
    note(&session, notification).map_err(refuse)?;
    exit.send(Reply::empty(202));
    Ok(())
}

fn note<M: Mailbox>(session: &HttpSession<M>, notification: &Notification<'_>) -> Result<(), RpcError> {
    match cancelled_id(&notification.params).filter(|_| notification.method == "notifications/cancelled") {
        Some(id) => session.post(&Note::Cancel(id)),
        // `initialized`, `roots/list_changed` and the like: nothing here waits for them.
        None => Ok(()),
    }
}

/// Takes the answer to a request of ours, for the instance that waits for it.
pub(super) fn response<G: Gateway, E: Exit>(
    gateway: &G,
    head: &Head,
    response: &Response<'_>,
    exit: &mut E,
) -> Refused {
    let session = open(gateway, head).map_err(refuse)?;
    session.post(&forward(response)).map_err(refuse)?;
    exit.send(Reply::empty(202));
    Ok(())
}

fn forward(response: &Response<'_>) -> Note {
    let mut writer = Writer::default();
    writer.begin_object().field("jsonrpc", "2.0").key("id").raw(response.id.json());
    match response.result {
        Ok(result) => writer.key("result").raw(result.get()),
        Err(error) => writer.key("error").raw(error.get()),
    };
    writer.end_object();
    Note::Answer(writer.finish())
}

/// Ends a session.
pub(super) fn end<G: Gateway, E: Exit>(gateway: &G, head: &Head, exit: &mut E) -> Refused {
    let session = open(gateway, head).map_err(refuse)?;
    session.mailbox.close();
    exit.send(Reply::empty(204));
    Ok(())
}

/// The session's stream, or the rest of one that broke.
pub(super) fn get<G: Gateway, E: Exit>(gateway: &G, head: &Head, exit: &mut E) -> Refused {
    head.check_get().map_err(refuse)?;
    let mut session = open(gateway, head).map_err(refuse)?;
    match head.last_event.as_deref() {
        Some(last) => resume::serve(gateway, &mut session, last, exit),
        None => {
            listen::serve(gateway, &mut session, exit);
            Ok(())
        }
    }
}

/// Serves a batch: every call starts, then every answer is awaited. Nothing is sent before the answers.
pub(super) fn batch<G: Gateway, E: Exit>(gateway: &G, head: &Head, parts: &[&RawValue], exit: &mut E) -> Refused {
    let session = open(gateway, head).map_err(refuse)?;
    let refused = |text: &str| refuse(RpcError::new(INVALID_REQUEST, text).status(400));
    if !session.session.view.revision.batches {
        return Err(refused("the session's revision has no batches: send one message at a time"));
    }
    if parts.is_empty() || parts.len() > MOST_IN_BATCH {
        return Err(refused("a batch has 1 to 64 messages"));
    }
    let parts: Vec<_> = parts.iter().map(|raw| part(gateway, &session, raw.get())).collect();
    let mut writer = Writer::default();
    writer.begin_array();
    let mut answers = 0;
    for part in parts {
        let text = match part {
            Part::Nothing => continue,
            Part::Answer(text) => text,
            Part::Call(exchange, call) => match exchange.conclude(gateway, call.finish()) {
                Conclusion::Answer(text, _) | Conclusion::Forbidden(text, _) => text,
                Conclusion::Silence => continue,
                Conclusion::Ask(_) => match exchange.complaint("a call in a batch cannot ask questions") {
                    Conclusion::Answer(text, _) => text,
                    Conclusion::Ask(_) | Conclusion::Forbidden(..) | Conclusion::Silence => continue,
                },
            },
        };
        writer.raw(&text);
        answers += 1;
    }
    writer.end_array();
    exit.send(if answers == 0 { Reply::empty(202) } else { Reply::json(200, writer.finish()) });
    Ok(())
}

/// An element of a batch, begun.
enum Part<C> {
    Nothing,
    Answer(String),
    Call(Box<Exchange>, C),
}

fn part<G: Gateway>(gateway: &G, session: &HttpSession<G::Mailbox>, text: &str) -> Part<G::Call> {
    let begun = match parse_message(text) {
        Err(rejection) => return Part::Answer(rejection.error.message(rejection.id.as_ref())),
        Ok(Message::Notification(one)) => return note(session, &one).map_or(Part::Nothing, |()| Part::Nothing),
        Ok(Message::Response(one)) => return session.post(&forward(&one)).map_or(Part::Nothing, |()| Part::Nothing),
        Ok(Message::Request(request)) => dispatch(gateway, &session.session.view, &request)
            .and_then(|action| match action {
                Action::Answer(text) | Action::Task(text) => Ok(Part::Answer(text)),
                Action::Call(planned) => Ok(Part::Call(Box::new(planned.exchange), gateway.start(planned.request))),
                Action::Note(note) => {
                    session.post(&note)?;
                    Ok(Part::Answer(answer::empty(session.session.view.revision, &request.id)))
                }
                Action::Listen(_) => Err(RpcError::new(INVALID_REQUEST, "sessions have a stream: use GET")),
                // No revision has both batches and these.
                Action::Begin(..) | Action::Await | Action::ListTasks => {
                    Err(RpcError::new(INVALID_REQUEST, "tasks do not go into a batch"))
                }
            })
            .map_err(|error| error.message(Some(&request.id))),
    };
    begun.unwrap_or_else(Part::Answer)
}
