//! One exchange over `wasi:http`, waiting for the answer, the cancellation and the time cap together.
use std::time::{Duration, Instant};

use super::{Answer, HttpError, Request};
use crate::Call;
use crate::bindings::imports::wasi::clocks::monotonic_clock;
use crate::bindings::imports::wasi::http::outgoing_handler;
use crate::bindings::imports::wasi::http::types::{
    ErrorCode, Fields, HeaderError, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use crate::bindings::imports::wasi::io::poll::{self, Pollable};
use crate::bindings::imports::wasi::io::streams::StreamError;

/// Bytes of one read or write of a body; `blocking-write-and-flush` takes no more.
const CHUNK: usize = 4096;

/// Bytes of one read. Fewer, larger reads cost fewer host calls; the host gives what is there.
const READ: u64 = 64 * 1024;

pub(super) fn send(request: Request, call: &Call<'_>) -> Result<Answer, HttpError> {
    let wait = Wait { call, timeout: request.timeout, started: Instant::now() };
    let (outgoing, body) = build(&request)?;
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(request.timeout.as_nanos()).unwrap_or(u64::MAX);
    // An unsupported option is no failure: we watch the clock ourselves.
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let future = outgoing_handler::handle(outgoing, Some(options)).map_err(|error| explain(error, &request))?;
    write(body, &request.body)?;
    wait.until(&future.subscribe())?;
    let response = match future.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(error))) => return Err(explain(error, &request)),
        Some(Err(())) | None => return Err(HttpError::Transport(String::from("the host gave no answer"))),
    };
    read(&response, &request, &wait)
}

/// Waits for something, and stops at cancellation or when the time is up.
struct Wait<'c> {
    call: &'c Call<'c>,
    timeout: Duration,
    started: Instant,
}

impl Wait<'_> {
    fn until(&self, ready: &Pollable) -> Result<(), HttpError> {
        let left = self.timeout.checked_sub(self.started.elapsed()).ok_or(HttpError::Timeout(self.timeout))?;
        let clock = monotonic_clock::subscribe_duration(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX));
        let cancelled = self.call.cancelled();
        let all: Vec<&Pollable> = [ready, &clock].into_iter().chain(cancelled.as_ref()).collect();
        match poll::poll(&all) {
            indices if indices.contains(&2) => Err(HttpError::Cancelled),
            indices if indices.contains(&0) => Ok(()),
            _ => Err(HttpError::Timeout(self.timeout)),
        }
    }
}

fn build(request: &Request) -> Result<(OutgoingRequest, OutgoingBody), HttpError> {
    let headers = Fields::new();
    for (name, value) in &request.headers {
        headers.append(name, value).map_err(|error| {
            HttpError::Invalid(match error {
                HeaderError::InvalidSyntax => format!("header `{name}` is not well formed"),
                HeaderError::Forbidden => format!("header `{name}` is set by the host; leave it out"),
                HeaderError::Immutable => format!("header `{name}` cannot be set"),
            })
        })?;
    }
    if !request.body.is_empty() {
        // A wrong length would be ours, and the host checks it.
        let _ = headers.set("content-length", &[request.body.len().to_string().into_bytes()]);
    }
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if request.url.https { Scheme::Https } else { Scheme::Http };
    let parts = [
        (outgoing.set_method(&method(&request.method)), "method"),
        (outgoing.set_scheme(Some(&scheme)), "scheme"),
        (outgoing.set_authority(Some(&request.url.authority)), "host"),
        (outgoing.set_path_with_query(Some(&request.url.path_and_query)), "path"),
    ];
    for (result, part) in parts {
        result.map_err(|()| HttpError::Invalid(format!("the {part} of `{}` is not well formed", request.url)))?;
    }
    let body = outgoing.body().map_err(|()| HttpError::Invalid(String::from("the request has no body to write")))?;
    Ok((outgoing, body))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), HttpError> {
    if !bytes.is_empty() {
        let stream = body.write().map_err(|()| HttpError::Transport(String::from("the body cannot be written")))?;
        for chunk in bytes.chunks(CHUNK) {
            // A server may answer without reading everything; its answer says more than this error would.
            if stream.blocking_write_and_flush(chunk).is_err() {
                break;
            }
        }
    }
    match OutgoingBody::finish(body, None) {
        Ok(()) | Err(ErrorCode::HttpProtocolError | ErrorCode::ConnectionTerminated) => Ok(()),
        Err(error) => Err(HttpError::Transport(format!("sending the body failed: {error:?}"))),
    }
}

fn read(response: &IncomingResponse, request: &Request, wait: &Wait<'_>) -> Result<Answer, HttpError> {
    let status = response.status();
    let headers = response.headers().entries().into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let headers = headers.collect();
    let body = response.consume().map_err(|()| HttpError::Transport(String::from("the body cannot be read")))?;
    let stream = body.stream().map_err(|()| HttpError::Transport(String::from("the body cannot be read")))?;
    let mut bytes = Vec::new();
    let mut truncated = false;
    loop {
        match stream.read(READ) {
            Ok(chunk) if chunk.is_empty() => wait.until(&stream.subscribe())?,
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(HttpError::Transport(format!(
                    "the server broke off after {} bytes: {}",
                    bytes.len(),
                    error.to_debug_string()
                )));
            }
        }
        if bytes.len() > request.max_bytes {
            bytes.truncate(request.max_bytes);
            truncated = true;
            break;
        }
    }
    drop(stream);
    // Trailers are of no use here; a body that was cut has none.
    drop(IncomingBody::finish(body));
    Ok(Answer { status, headers, body: bytes, truncated })
}

fn explain(error: ErrorCode, request: &Request) -> HttpError {
    let host = &request.url.authority;
    match error {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => HttpError::Denied(format!(
            "policy does not let this component connect to `{host}`, or the name leads to an address that is not granted; \
             the grant's `network` must name it (`tidegate policy explain` shows what is granted)"
        )),
        ErrorCode::DnsTimeout => HttpError::Transport(format!("no answer from DNS for `{host}`")),
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            HttpError::Transport(format!("the name `{host}` does not resolve"))
        }
        ErrorCode::ConnectionRefused => HttpError::Transport(format!("`{host}` refused the connection")),
        ErrorCode::ConnectionTimeout | ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout => {
            HttpError::Timeout(request.timeout)
        }
        ErrorCode::TlsCertificateError => HttpError::Transport(format!("the certificate of `{host}` is not trusted")),
        ErrorCode::InternalError(Some(text)) => HttpError::Transport(format!("`{host}`: {text}")),
        other => HttpError::Transport(format!("`{host}`: {other:?}")),
    }
}
