//! Requests over HTTP, written as text:
//!
//! ```text
//! POST                            or GET, DELETE, anything else
//! Content-Type: application/json  headers; `$` as a value is the session that was made last
//!
//! {"jsonrpc":"2.0", ...}          the body, up to a line that is a separator
//! ===                             the next request comes when this one is answered,
//! +++                             or while it waits
//! ```
//!
//! A line `!gone N` among the headers is a client that leaves after N writes; `!change` a change of the catalog.

use std::cell::RefCell;
use std::rc::Rc;

use super::wire::{Kind, Said, kind, parts, said};
use super::world::world;
use crate::bindings::tidegate::types::event::Change;
use crate::double::Double;
use crate::http::{Exit, Gone, Head, Line, Reply, Verb, serve};

/// One request.
#[derive(Default)]
struct Request {
    verb: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    patience: Option<usize>,
    change: bool,
    /// Those that come while it waits.
    during: Vec<Self>,
}

/// What came back.
#[derive(Default)]
struct Response {
    status: u16,
    body: Option<String>,
    session: Option<String>,
    streamed: bool,
    /// What was sent on the stream.
    messages: Vec<String>,
    ended: bool,
    gone: bool,
    patience: Option<usize>,
}

type Session = Rc<RefCell<String>>;

/// Runs one input.
///
/// # Panics
/// When something does not hold.
pub fn run(data: &[u8]) {
    let world = world();
    let session = Session::default();
    for request in read(data) {
        perform(&world, request, &session);
    }
}

fn read(data: &[u8]) -> Vec<Request> {
    let mut all: Vec<Request> = Vec::new();
    let mut current: Vec<&[u8]> = Vec::new();
    let mut during = false;
    for line in data.split(|byte| *byte == b'\n').chain([&b"==="[..]]) {
        if line != b"===" && line != b"+++" {
            current.push(line);
            continue;
        }
        let request = one(&std::mem::take(&mut current));
        match all.last_mut() {
            Some(last) if during => last.during.push(request),
            _ => all.push(request),
        }
        during = line == b"+++";
    }
    // Deep inputs find nothing that broad ones do not.
    all.truncate(32);
    all
}

fn one(lines: &[&[u8]]) -> Request {
    let mut request = Request::default();
    let mut lines = lines.iter();
    request.verb = String::from_utf8_lossy(lines.next().copied().unwrap_or_default()).into_owned();
    for line in lines.by_ref() {
        if line.is_empty() {
            break;
        }
        if let Some(count) = line.strip_prefix(b"!gone ") {
            request.patience = std::str::from_utf8(count).ok().and_then(|text| text.parse().ok());
        } else if *line == b"!change" {
            request.change = true;
        } else {
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(at);
            request.headers.push((String::from_utf8_lossy(name).into_owned(), value.get(1..).unwrap_or(b"").to_vec()));
        }
    }
    request.body = lines.as_slice().join(&b'\n');
    request
}

fn perform(world: &Double, mut request: Request, session: &Session) {
    for inner in std::mem::take(&mut request.during).into_iter().take(8) {
        let session = session.clone();
        world.when_waiting(move |world| perform(world, inner, &session));
    }
    if request.change {
        world.changes.borrow_mut().push(Change::Tools);
    }
    let verb = match request.verb.as_str() {
        "POST" => Verb::Post,
        "GET" => Verb::Get,
        "DELETE" => Verb::Delete,
        _ => Verb::Other,
    };
    let current = session.borrow().clone();
    let value = |value: &[u8]| if value == b" $" { current.clone().into_bytes() } else { value.to_vec() };
    let headers: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, bytes)| (name.clone(), value(bytes))).collect();
    let head = Head::read(headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let mut response = Response { patience: request.patience, ..Response::default() };
    serve(world, verb, &head, || Ok(request.body.clone()), &mut response);
    world.gone.set(false);
    if let Some(id) = &response.session {
        session.borrow_mut().clone_from(id);
    }
    let modern = head.version.as_deref() == Some("2026-07-28");
    let expected = if verb == Verb::Post { kind(&request.body) } else { Kind::Nothing };
    check(&response, &expected, modern);
    if verb == Verb::Post && expected == Kind::Batch {
        check_batch(&response, &request.body);
    }
}

fn check(response: &Response, expected: &Kind, modern: bool) {
    if response.status == 0 {
        assert!(response.gone, "no response");
        return;
    }
    let allowed: &[u16] = if modern {
        &[200, 202, 400, 404, 405, 406, 413, 415]
    } else {
        &[200, 202, 204, 400, 404, 405, 406, 413, 415, 503]
    };
    assert!(allowed.contains(&response.status), "status {}", response.status);
    let body = response.body.as_deref().unwrap_or_default();
    if response.streamed {
        return check_stream(response, expected, modern);
    }
    if body.is_empty() {
        assert!([202, 204].contains(&response.status), "status {} without a body", response.status);
        assert!(!matches!(expected, Kind::Request(_)), "a request without an answer");
        return;
    }
    assert!(![202, 204].contains(&response.status), "status {} with a body", response.status);
    if *expected == Kind::Batch && body.starts_with('[') {
        return;
    }
    let said = said(body);
    check_answer(&said, expected, modern, response.status);
}

fn check_answer(said: &Said, expected: &Kind, modern: bool, status: u16) {
    assert!(said.is_answer(), "a body that does not answer: {said:?}");
    match (said.id.clone().flatten(), expected) {
        (Some(id), Kind::Request(expected)) => assert_eq!(id, *expected, "another id"),
        // What is refused before the body is read cannot name it.
        (None, _) => assert!(said.code.is_some() && status >= 400, "{said:?} with {status}"),
        (Some(_), _) => assert!(said.code.is_some(), "an answer to what is no request: {said:?}"),
    }
    if said.result.is_some() {
        assert_eq!(status, 200, "a result with {status}");
    }
    if modern && let Some(kind) = &said.result {
        let kind = kind.as_deref();
        assert!(matches!(kind, Some("complete" | "input_required" | "task")), "{kind:?}");
    }
    match said.code {
        Some(-32022..=-32020) => assert_eq!(status, 400, "{said:?}"),
        Some(-32601) if modern => assert_eq!(status, 404, "{said:?}"),
        Some(-32700 | -32600) => assert!(status >= 400 || !modern, "{said:?} with {status}"),
        Some(code) => assert!(!(-32019..=-32003).contains(&code), "a code that nobody has given: {code}"),
        None => {}
    }
}

/// A stream has messages, and at most one answer, which is the last.
fn check_stream(response: &Response, expected: &Kind, modern: bool) {
    assert_eq!(response.status, 200);
    let mut ended = false;
    for message in &response.messages {
        let said = said(message);
        assert!(!ended, "something after the answer: {message}");
        if said.is_answer() {
            ended = true;
            check_answer(&said, expected, modern, 200);
        } else if modern {
            assert!(said.id.is_none(), "a request of ours in the modern era: {message}");
        }
    }
}

fn check_batch(response: &Response, body: &[u8]) {
    let Some(answers) = response.body.as_deref().filter(|text| text.starts_with('[')) else { return };
    let answers: Vec<_> =
        parts(answers.as_bytes()).iter().map(|part| said(std::str::from_utf8(part).unwrap())).collect();
    let kinds: Vec<_> = parts(body).iter().map(|part| kind(part)).collect();
    let wanting = kinds.iter().filter(|kind| matches!(kind, Kind::Request(_) | Kind::Nothing | Kind::Batch)).count();
    assert_eq!(answers.len(), wanting, "answers to a batch: {answers:?} to {kinds:?}");
}

impl Exit for Response {
    fn send(&mut self, reply: Reply) {
        assert_eq!(self.status, 0, "two responses");
        self.status = reply.status;
        self.body = reply.body;
        self.session = reply.session;
    }

    fn open(&mut self, session: Option<&str>) -> Result<(), Gone> {
        assert_eq!(self.status, 0, "two responses");
        self.status = 200;
        self.streamed = true;
        self.session = session.map(str::to_owned);
        Ok(())
    }

    fn write(&mut self, line: &Line<'_>) -> Result<(), Gone> {
        assert!(self.streamed && !self.gone && !self.ended, "a write where there is no stream");
        match &mut self.patience {
            Some(0) => {
                self.gone = true;
                return Err(Gone);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let bytes = line.bytes();
        assert!(bytes.ends_with(b"\n\n") && std::str::from_utf8(&bytes).is_ok(), "no event: {bytes:?}");
        if let Line::Message(_, message) = line {
            assert!(!message.contains(['\n', '\r']), "a message on several lines: {message:?}");
            self.messages.push((*message).to_owned());
        }
        Ok(())
    }

    fn end(&mut self) {
        assert!(self.streamed && !self.ended, "the end of what is no stream");
        self.ended = true;
    }
}
