//! `wasi:http`: heads and bodies in, answers out.

use super::head::{Head, Verb};
use super::serve::{BodyError, serve};
use super::stream::{Exit, Gone, Line, Reply};
use crate::bindings::wasi::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use crate::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};
use crate::wit::Host;

/// The longest body that is read: base64 of a 6 MB file, and what the mailboxes of the host would still hold.
const LONGEST_BODY: usize = 8 << 20;
/// How much is read at once.
const CHUNK: u64 = 1 << 20;

/// Serves one request.
pub(crate) fn handle(request: IncomingRequest, out: ResponseOutparam) {
    let verb = match request.method() {
        Method::Post => Verb::Post,
        Method::Get => Verb::Get,
        Method::Delete => Verb::Delete,
        _ => Verb::Other,
    };
    let headers = request.headers().entries();
    let head = Head::read(headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let head = head.at(&request.path_with_query().unwrap_or_default());
    let mut exit = WasiExit { out: Some(out), stream: None };
    serve(&Host::default(), verb, &head, || body(&request), &mut exit);
    exit.end();
}

fn body(request: &IncomingRequest) -> Result<Vec<u8>, BodyError> {
    let body = request.consume().map_err(|()| BodyError::Broken)?;
    let stream = body.stream().map_err(|()| BodyError::Broken)?;
    read_all(&stream)
}

fn read_all(stream: &InputStream) -> Result<Vec<u8>, BodyError> {
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        match stream.blocking_read(CHUNK) {
            // The usual body comes in one piece and is not copied.
            Ok(chunk) if bytes.is_empty() => bytes = chunk,
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(BodyError::Broken),
        }
        if bytes.len() > LONGEST_BODY {
            return Err(BodyError::TooLong);
        }
    }
}

struct WasiExit {
    out: Option<ResponseOutparam>,
    stream: Option<(OutputStream, OutgoingBody)>,
}

impl WasiExit {
    /// Sends a head; gives the body to write.
    fn begin(&mut self, status: u16, headers: &[(&str, &str)]) -> Option<(OutputStream, OutgoingBody)> {
        let fields = Fields::new();
        for (name, value) in headers {
            // Refused only for names and values that we do not write.
            let _ = fields.append(name, value.as_bytes());
        }
        let response = OutgoingResponse::new(fields);
        let _ = response.set_status_code(status);
        let body = response.body().ok()?;
        let stream = body.write().ok()?;
        ResponseOutparam::set(self.out.take()?, Ok(response));
        Some((stream, body))
    }
}

impl Exit for WasiExit {
    fn send(&mut self, reply: Reply) {
        let body = reply.body.unwrap_or_default();
        let length = body.len().to_string();
        let mut headers: Vec<(&str, &str)> = Vec::with_capacity(5);
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        if reply.status != 204 {
            headers.push(("content-length", &length));
        }
        headers.extend(reply.session.as_deref().map(|session| ("mcp-session-id", session)));
        headers.extend(reply.allow.map(|allow| ("allow", allow)));
        headers.extend(reply.challenge.as_deref().map(|challenge| ("www-authenticate", challenge)));
        let Some((stream, outgoing)) = self.begin(reply.status, &headers) else { return };
        let _ = write_all(&stream, body.as_bytes());
        drop(stream);
        let _ = OutgoingBody::finish(outgoing, None);
    }

    fn open(&mut self, session: Option<&str>) -> Result<(), Gone> {
        let mut headers = vec![
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache, no-transform"),
            // Proxies that collect would hold events back.
            ("x-accel-buffering", "no"),
        ];
        headers.extend(session.map(|session| ("mcp-session-id", session)));
        self.stream = Some(self.begin(200, &headers).ok_or(Gone)?);
        Ok(())
    }

    fn write(&mut self, line: &Line<'_>) -> Result<(), Gone> {
        let (stream, _) = self.stream.as_ref().ok_or(Gone)?;
        write_all(stream, &line.bytes())?;
        stream.blocking_flush().map_err(|_| Gone)
    }

    fn end(&mut self) {
        if let Some((stream, body)) = self.stream.take() {
            drop(stream);
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

/// Writes as much at once as the host takes; `blocking-write-and-flush` would take 4 KiB at most.
pub(crate) fn write_all(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), Gone> {
    while !bytes.is_empty() {
        let room = usize::try_from(stream.check_write().map_err(|_| Gone)?).unwrap_or(usize::MAX);
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now).map_err(|_| Gone)?;
        bytes = later;
    }
    Ok(())
}
