//! The modern era over HTTP: every request stands alone.

use super::calls;
use super::head::Head;
use super::mirrored;
use super::serve::Refused;
use super::stream::{Exit, Line, Reply};
use super::tasks;
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::errors::{HEADER_MISMATCH, RpcError};
use crate::gateway::{Gateway, Source, Watch};
use crate::json::{Message, Rejection, Request, string};
use crate::methods::{Action, Listen, dispatch};
use crate::modern::view;
use crate::revision::Revision;
use crate::tasks::Watched;

/// Whether a message belongs to the modern era: the body decides, and the header where the body cannot.
pub(super) fn claims(head: &Head, message: &Message<'_>) -> bool {
    let header = head.version.as_deref().and_then(Revision::named).is_some_and(Revision::is_modern);
    match message {
        Message::Request(request) => header || crate::modern::claims(&request.params),
        Message::Notification(notification) => header || crate::modern::claims(&notification.params),
        Message::Response(_) => false,
    }
}

/// Serves a message; `text` is what it was read from.
pub(super) fn serve<G: Gateway, E: Exit>(
    gateway: &G,
    head: &Head,
    message: &Message<'_>,
    text: &str,
    exit: &mut E,
) -> Refused {
    let Message::Request(request) = message else {
        // Over HTTP the modern era has no notification for servers; one that comes is taken and means nothing.
        exit.send(Reply::empty(202));
        return Ok(());
    };
    answer(gateway, head, request, text, exit).map_err(|error| Some(Rejection { id: Some(request.id.clone()), error }))
}

fn answer<G: Gateway, E: Exit>(
    gateway: &G,
    head: &Head,
    request: &Request<'_>,
    text: &str,
    exit: &mut E,
) -> Result<(), RpcError> {
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
        Action::Task(text) => {
            exit.send(Reply::json(200, text));
            if let Some(work) = crate::tasks::adopt(gateway, view.revision, &request.params) {
                tasks::work(gateway, work);
            }
        }
        Action::Call(_) if support == TaskSupport::Required && view.tasks != Some(true) => {
            return Err(crate::tasks::undeclared());
        }
        Action::Call(planned) if support != TaskSupport::Forbidden && view.tasks == Some(true) => {
            tasks::run(gateway, *planned, text, support, exit);
        }
        Action::Call(planned) => calls::run(gateway, *planned, request, None, exit),
        Action::Listen(listen) => listen_to(gateway, &listen, exit),
        // Only revisions with sessions have these.
        Action::Note(_) | Action::Begin(..) | Action::Await | Action::ListTasks => {
            exit.send(Reply::json(200, crate::answer::empty(view.revision, &request.id)))
        }
    }
    Ok(())
}

/// Tells of changes until the client goes.
fn listen_to<G: Gateway, E: Exit>(gateway: &G, listen: &Listen, exit: &mut E) {
    let watch = gateway.watch();
    let mut tasks = Watched::<G>::find(gateway, listen.tasks());
    let acknowledgement = listen.acknowledgement(tasks.ids());
    let mut told = exit.open(None).and_then(|()| exit.write(&Line::Message(None, &acknowledgement)));
    loop {
        let mut texts = tasks.news(|writer| listen.tag(writer));
        texts.extend(watch.next().iter().filter_map(|change| listen.notification(change)));
        for text in texts {
            told = told.and_then(|()| exit.write(&Line::Message(None, &text)));
        }
        if told.is_err() {
            return;
        }
        let mut sources = vec![Source::Watch(&watch), Source::Closed];
        sources.extend(tasks.sources());
        if !gateway.wait(&sources, Some(calls::SILENCE)) {
            told = exit.write(&Line::KeepAlive);
        }
        if gateway.is_closed() {
            return;
        }
    }
}
