//! `wasi:http`: heads and bodies in, answers out.

use super::exit::{Exit, Gone, Reply};
use super::serve::{BodyError, Request, Verb, serve};
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam, http_error_code,
};
use crate::bindings::wasi::io::streams::{OutputStream, StreamError};
use crate::models::Models as _;
use crate::wit::Host;

/// The longest body that is read: more text than any context of a small machine's models holds.
const LONGEST_BODY: usize = 8 << 20;
/// How much is read at once.
const CHUNK: u64 = 1 << 20;

/// Serves one request.
pub(crate) fn handle(request: IncomingRequest, out: ResponseOutparam) {
    let verb = match request.method() {
        Method::Post => Verb::Post,
        Method::Get => Verb::Get,
        _ => Verb::Other,
    };
    let kind = request.headers().get("content-type").into_iter().next();
    let head = Request {
        verb,
        target: request.path_with_query().unwrap_or_default(),
        content_type: kind.map(|kind| String::from_utf8_lossy(&kind).into_owned()),
    };
    let mut exit = WasiExit { out: Some(out), stream: None, id: format!("req_{:016x}", Host.random()) };
    serve(&Host, &head, || body(&request), &mut exit);
    exit.end();
}

fn body(request: &IncomingRequest) -> Result<Vec<u8>, BodyError> {
    let body = request.consume().map_err(|()| BodyError::Broken)?;
    let stream = body.stream().map_err(|()| BodyError::Broken)?;
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        match stream.blocking_read(CHUNK) {
            // The usual body comes in one piece and is not copied.
            Ok(chunk) if bytes.is_empty() => bytes = chunk,
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(ErrorCode::HttpRequestBodySize(_)) => BodyError::TooLong,
                    _ => BodyError::Broken,
                });
            }
        }
        if bytes.len() > LONGEST_BODY {
            return Err(BodyError::TooLong);
        }
    }
}

struct WasiExit {
    out: Option<ResponseOutparam>,
    stream: Option<(OutputStream, OutgoingBody)>,
    /// `X-Request-Id`: official clients show it.
    id: String,
}

impl WasiExit {
    /// Sends a head; gives the body to write.
    fn begin(&mut self, status: u16, headers: &[(&str, &str)]) -> Option<(OutputStream, OutgoingBody)> {
        let fields = Fields::new();
        for (name, value) in headers.iter().chain(&[("x-request-id", self.id.as_str())]) {
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

    fn end(&mut self) {
        if let Some((stream, body)) = self.stream.take() {
            drop(stream);
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

impl Exit for WasiExit {
    fn send(&mut self, reply: Reply) {
        let length = reply.body.len().to_string();
        let more = reply.headers();
        let mut headers = vec![("content-type", "application/json"), ("content-length", length.as_str())];
        headers.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        let Some((stream, outgoing)) = self.begin(reply.status, &headers) else { return };
        let _ = write_all(&stream, reply.body.as_bytes());
        drop(stream);
        let _ = OutgoingBody::finish(outgoing, None);
    }

    fn open(&mut self) -> Result<(), Gone> {
        let headers = [
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-cache, no-transform"),
            // Proxies that collect would hold events back.
            ("x-accel-buffering", "no"),
        ];
        self.stream = Some(self.begin(200, &headers).ok_or(Gone)?);
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), Gone> {
        let (stream, _) = self.stream.as_ref().ok_or(Gone)?;
        write_all(stream, text.as_bytes())?;
        stream.blocking_flush().map_err(|_| Gone)
    }
}

/// Writes as much at once as the host takes; `blocking-write-and-flush` would take 4 KiB at most.
fn write_all(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), Gone> {
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
