//! The modern era over HTTP: every request stands alone.

use super::calls;
use super::head::Head;
use super::mirrored;
use super::serve::Refused;
use super::stream::{Exit, KEEP_ALIVE, Reply, event};
use super::tasks;
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::errors::{HEADER_MISMATCH, RpcError};
use crate::gateway::{Gateway, Source, Watch};
use crate::json::{Message, Rejection, Request, string};
use crate::methods::{Action, Listen, dispatch};
use crate::modern::view;
use crate::revision::Revision;

/// Whether a message belongs to the modern era: the body decides, and the header where the body cannot.
pub(super) fn claims(head: &Head, message: &Message<'_>) -> bool {
    let header = head.version.as_deref().and_then(Revision::named).is_some_and(Revision::is_modern);
    match message {
        Message::Request(request) => header || crate::modern::claims(&request.params),
        Message::Notification(notification) => header || crate::modern::claims(&notification.params),
        Message::Response(_) => false,
    }
}

/// Serves a message.
pub(super) fn serve<G: Gateway, E: Exit>(gateway: &G, head: &Head, message: &Message<'_>, exit: &mut E) -> Refused {
    let Message::Request(request) = message else {
        // Over HTTP the modern era has no notification for servers; one that comes is taken and means nothing.
        exit.send(Reply::empty(202));
        return Ok(());
    };
    answer(gateway, head, request, exit).map_err(|error| Some(Rejection { id: Some(request.id.clone()), error }))
}

fn answer<G: Gateway, E: Exit>(gateway: &G, head: &Head, request: &Request<'_>, exit: &mut E) -> Result<(), RpcError> {
    if request.method == "initialize" && !crate::modern::claims(&request.params) {
        let text = "`initialize` belongs to revisions before the one that `MCP-Protocol-Version` names";
        return Err(RpcError::new(HEADER_MISMATCH, text).status(400));
    }
    let version = crate::modern::version(&request.params).map_err(|error| error.status(400))?;
    head.check_modern(&version, &request.method, &request.params)?;
    let tool = match request.method.as_ref() {
        "tools/call" => request.params.name.and_then(string).and_then(|name| gateway.tool(&name)),
        _ => None,
    };
    if let Some(tool) = &tool {
        mirrored::check(&tool.definition.input_schema, head, &request.params)?;
    }
    let support = tool.map_or(TaskSupport::Forbidden, |tool| tool.definition.task);
    let view = view(&request.params).map_err(|error| error.status(400))?;
    match dispatch(gateway, &view, request)? {
        Action::Answer(text) => exit.send(Reply::json(200, text)),
        Action::Call(_) if support == TaskSupport::Required && view.tasks != Some(true) => {
            return Err(crate::tasks::undeclared());
        }
        Action::Call(planned) if support != TaskSupport::Forbidden && view.tasks == Some(true) => {
            tasks::run(gateway, *planned, request, support, exit);
        }
        Action::Call(planned) => calls::run(gateway, *planned, request, None, exit),
        Action::Listen(listen) => listen_to(gateway, &listen, exit),
        Action::Note(_) => exit.send(Reply::json(200, crate::answer::empty(view.revision, &request.id))),
    }
    Ok(())
}

/// Tells of changes until the client goes.
fn listen_to<G: Gateway, E: Exit>(gateway: &G, listen: &Listen, exit: &mut E) {
    let watch = gateway.watch();
    let mut told = exit.open(None).and_then(|()| exit.write(&event(&listen.acknowledgement())));
    while told.is_ok() {
        if !gateway.wait(&[Source::Watch(&watch), Source::Closed], Some(calls::SILENCE)) {
            told = exit.write(KEEP_ALIVE);
        }
        if gateway.is_closed() {
            return;
        }
        for change in watch.next() {
            if let (Ok(()), Some(text)) = (&told, listen.notification(&change)) {
                told = exit.write(&event(&text));
            }
        }
    }
}
