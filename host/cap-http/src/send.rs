//! One request and its answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::body::TimedBody;
use crate::destination::Target;
use crate::hooks::Worker;
use crate::{Component, connect, failure, tls};

/// Resolving, connecting and the TLS handshake together, unless the component sets less or more.
const CONNECT: Duration = Duration::from_secs(10);
/// From the connection to the answer's head, and the longest silence in its body. The call's own deadline is usually
/// earlier.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest of all times that a component may set; longer ones are cut. A connection is a file descriptor of the host.
const LONGEST: Duration = Duration::from_secs(600);
/// Bytes of an answer's head, and read at once from its body.
const BUFFER: usize = 64 * 1024;
/// Header fields of an answer.
const MAX_HEADERS: usize = 128;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Sends the request if the grant permits it.
pub(crate) async fn send(
    component: Arc<Component>,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<(Response<WasiBody>, Worker), Error> {
    if *request.method() == Method::CONNECT {
        // A tunnel through a granted proxy would reach what is not granted.
        return Err(Error::HttpRequestMethodInvalid);
    }
    let target = Target::of(request.uri())?;
    origin_form(&mut request)?;
    let limit = |set: Option<Duration>, default: Duration| set.unwrap_or(default).min(LONGEST);
    let head = limit(options.first_byte_timeout, SILENCE);
    let silence = limit(options.between_bytes_timeout, SILENCE);
    let (stream, permit) = open(&component, &target, limit(options.connect_timeout, CONNECT)).await?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(BUFFER)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failure::exchange)?;
    let connection = drive(connection, permit);
    let response = timeout(head, sender.send_request(request)).await.map_err(|_| Error::HttpResponseTimeout)?;
    let response = response.map_err(failure::exchange)?;
    // The parser's own bound is on its buffer, which grows in steps: up to twice as much passes it.
    let size: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > BUFFER {
        return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(size).ok()));
    }
    let response = response.map(|incoming| TimedBody::new(incoming, silence).boxed_unsync());
    Ok((response, Box::new(connection)))
}

/// A connection to a checked address, and its place among the component's connections.
async fn open(
    component: &Component,
    target: &Target,
    wait: Duration,
) -> Result<(Box<dyn Stream>, OwnedSemaphorePermit), Error> {
    let end = Instant::now() + wait;
    let addresses = target.addresses(component, wait).await?;
    let place = timeout_at(end, Arc::clone(&component.connections).acquire_owned()).await;
    let permit = place.ok().and_then(Result::ok).ok_or(Error::ConnectionLimitReached)?;
    let stream = timeout_at(end, connect::dial(&addresses)).await.map_err(|_| Error::ConnectionTimeout)?;
    let stream = stream.map_err(|error| failure::connect(&error))?;
    if !target.tls {
        return Ok((Box::new(stream), permit));
    }
    let handshake = tls::handshake(Arc::clone(&component.tls), &target.host, stream);
    let stream = timeout_at(end, handshake).await.map_err(|_| Error::ConnectionTimeout)??;
    Ok((Box::new(stream), permit))
}

/// Moves bytes until both sides are done; ends with the handle that the runtime keeps for the answer's body.
fn drive(
    connection: impl Future<Output = hyper::Result<()>> + Send + 'static,
    permit: OwnedSemaphorePermit,
) -> AbortOnDropJoinHandle<Result<(), Error>> {
    spawn(async move {
        let ended = connection.await.map_err(failure::exchange);
        drop(permit);
        ended
    })
}

/// The request as a server (not a proxy) gets it: path and query in its first line, and the `Host` of the authority that
/// was checked, whatever the component wrote there.
fn origin_form(request: &mut Request<WasiBody>) -> Result<(), Error> {
    let authority = request.uri().authority().ok_or(Error::HttpRequestUriInvalid)?;
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request.headers_mut().insert(HOST, host);
    Ok(())
}
