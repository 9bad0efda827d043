//! A client that comes back for the rest of a stream.

use super::calls::SILENCE;
use super::listen;
use super::log::{Entry, Log, is_own};
use super::serve::{Refused, refuse};
use super::stream::{Exit, Line};
use crate::errors::{INVALID_REQUEST, RpcError};
use crate::gateway::{Gateway, Source};
use crate::session::HttpSession;

/// Sends what came after `last` (a `Last-Event-ID`) and goes on with the stream to its end.
///
/// An id of another session is refused as one that never was.
pub(super) fn serve<G: Gateway, E: Exit>(
    gateway: &G,
    session: &mut HttpSession<G::Mailbox>,
    last: &str,
    exit: &mut E,
) -> Refused {
    let forgotten = || {
        let text = "`Last-Event-ID` names no stream of this session, or one that is forgotten: send the request again";
        refuse(RpcError::new(INVALID_REQUEST, text).status(400))
    };
    let log = Log::resume(gateway, &session.mailbox, last);
    if log.is_none() && is_own(last) {
        // What is forgotten cannot be sent again, but changes from now on can be told.
        listen::serve(gateway, session, exit);
        return Ok(());
    }
    let mut log = log.ok_or_else(forgotten)?;
    // From here on only this instance delivers: whoever wrote to the connection that broke sees this, and stops.
    let mine = log.come().ok_or_else(forgotten)?;
    let mut told = exit.open(Some(&session.session_id()));
    loop {
        let Some(news) = log.news() else { return Ok(()) };
        for entry in news {
            match entry {
                Entry::Event(number, text) => {
                    let id = log.event(number);
                    told = told.and_then(|()| exit.write(&Line::Message(Some(&id), &text)));
                }
                Entry::Reader(number) if number > mine => return Ok(()),
                Entry::End => return Ok(()),
                Entry::Reader(_) | Entry::Gone => {}
            }
        }
        if told.is_err() || gateway.is_closed() {
            log.go();
            return Ok(());
        }
        let sources =
            [Source::Mailbox(log.mailbox(), log.seen), Source::Mailbox(&session.mailbox, session.seen), Source::Closed];
        if !gateway.wait(&sources, Some(SILENCE)) {
            told = exit.write(&Line::KeepAlive);
        }
        if session.notes().is_none() {
            return Ok(());
        }
    }
}
