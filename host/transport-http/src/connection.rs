//! One connection: what it is doing, and until when it may.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::again::Again;
use crate::body::Overflow;
use crate::door::{Door, Refusal, refuse};
use crate::listener::Stream;
use crate::{Body, BoxBody, Handler, Limits, Peer};

/// Bytes that hyper reads ahead of a handler at most, for each connection; its own default of 400 kB is much for a
/// small board with a thousand connections.
const BUFFER: usize = 64 << 10;

/// Headers of a request that hyper accepts without being told.
const HYPER_MAX_HEADERS: usize = 100;

/// What a connection is doing. Changes only while the connection is polled: whoever polls it can look afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing since then.
    Idle(Instant),
    /// Reading a header since then.
    Header(Instant),
    /// The request of this number is with the handler, or its answer is on its way.
    Busy(u64),
}

#[derive(Clone)]
struct Activity(Arc<Mutex<State>>);

struct State {
    phase: Phase,
    /// The number of the last request.
    number: u64,
    /// Since when the client has not taken what we write.
    stalled: Option<Instant>,
}

/// The stream, which notes when the first byte of a request comes.
struct Watched {
    stream: Box<dyn Stream>,
    activity: Activity,
}

/// The body of an answer; the connection is idle again when it is dropped.
struct Tracked<E> {
    body: BoxBody<E>,
    _busy: Busy,
}

/// While this lives, the request of this number is being answered.
struct Busy(Activity, u64);

/// Serves one connection to its end. When `stop` becomes true the request in flight is finished and no other begins.
pub(crate) async fn serve<H: Handler>(
    stream: Box<dyn Stream>,
    peer: Peer,
    handler: H,
    door: Arc<Door>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let activity = Activity::new();
    let watched = Watched { stream, activity: activity.clone() };
    let service = {
        let activity = activity.clone();
        service_fn(move |request: Request<Incoming>| {
            let (handler, door) = (handler.clone(), Arc::clone(&door));
            let busy = activity.begin();
            async move {
                let response = answer(&handler, peer, request, &door, limits).await;
                Ok::<_, std::convert::Infallible>(response.map(|body| Tracked { body, _busy: busy }))
            }
        })
    };
    let connection = builder(&limits).serve_connection(TokioIo::new(watched), service);
    let mut connection = pin!(connection);
    let mut timer = pin!(sleep_until(Instant::now() + limits.header_timeout));
    let (mut stopping, mut again) = (false, Again::default());
    loop {
        let alive = std::future::poll_fn(|cx| {
            if let Poll::Ready(result) = again.poll(cx, |cx| connection.as_mut().poll(cx)) {
                if let Err(error) = result {
                    tracing::debug!(%peer, error = %error, "connection ended early");
                }
                return Poll::Ready(false);
            }
            if let Some(deadline) = activity.deadline(&limits) {
                // Only ever moved to an earlier time: a timer that fires too early is set again, once per idle
                // period instead of twice per request.
                if timer.deadline() > deadline {
                    timer.as_mut().reset(deadline);
                }
            }
            timer.as_mut().poll(cx).map(|()| true)
        });
        let alive = tokio::select! {
            alive = alive => alive,
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
        };
        if !alive {
            return;
        }
        if expired(&activity, &limits, timer.as_mut()) {
            tracing::debug!(%peer, phase = ?activity.lock().phase, "connection timed out");
            return;
        }
    }
}

/// Whether the time is up, once the timer has fired; if it is not, the timer is set again.
fn expired(activity: &Activity, limits: &Limits, timer: Pin<&mut Sleep>) -> bool {
    let now = Instant::now();
    let deadline = activity.deadline(limits);
    let later = now + limits.header_timeout.max(Duration::from_millis(1));
    timer.reset(deadline.unwrap_or(later));
    deadline.is_some_and(|deadline| deadline <= now)
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Ours counts from the first byte of a request; hyper's would count idle time too.
        .header_read_timeout(None)
        .max_header_size(limits.max_header_bytes)
        // A buffer filled to its end is no header yet: the size above is what refuses one.
        .max_buf_size(limits.max_header_bytes.max(BUFFER))
        .half_close(false);
    // Saying even the default takes hyper's slower way, with an allocation per request.
    if limits.max_headers != HYPER_MAX_HEADERS {
        builder.max_headers(limits.max_headers);
    }
    builder
}

async fn answer<H: Handler>(
    handler: &H,
    peer: Peer,
    request: Request<Incoming>,
    door: &Door,
    limits: Limits,
) -> Response<BoxBody<H::Error>> {
    let pass = match door.check(&request) {
        Ok(pass) => pass,
        Err(refusal) => return own(*refusal),
    };
    if request.body().size_hint().lower() > limits.max_body {
        return own(*too_large(limits.max_body));
    }
    let overflow = Overflow::default();
    let request = request.map(|body| Body::new(body, limits.max_body, limits.stall_timeout, overflow.clone()));
    let mut response = handler.handle(peer, request).await;
    if overflow.happened() {
        response = own(*too_large(limits.max_body));
    }
    pass.stamp(response.headers_mut());
    response
}

fn too_large(limit: u64) -> Refusal {
    let text = format!(
        "the request's body has more than {limit} bytes; `max-body` in the section `[http]` of the \
                        configuration sets this limit\n"
    );
    refuse(StatusCode::PAYLOAD_TOO_LARGE, text)
}

fn own<E: 'static>(refusal: Response<String>) -> Response<BoxBody<E>> {
    refusal.map(|text| Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync())
}

// === impl Activity ===

impl Activity {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State { phase: Phase::Idle(Instant::now()), number: 0, stalled: None })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Busy {
        let mut state = self.lock();
        state.number = state.number.wrapping_add(1);
        state.phase = Phase::Busy(state.number);
        Busy(self.clone(), state.number)
    }

    fn first_byte(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Idle(_)) {
            state.phase = Phase::Header(Instant::now());
        }
    }

    fn wrote<T>(&self, polled: &Poll<T>) {
        let mut state = self.lock();
        if polled.is_ready() {
            state.stalled = None;
        } else {
            state.stalled.get_or_insert_with(Instant::now);
        }
    }

    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let state = self.lock();
        let phase = match state.phase {
            Phase::Idle(since) => since.checked_add(limits.idle_timeout),
            Phase::Header(since) => since.checked_add(limits.header_timeout),
            Phase::Busy(_) => None,
        };
        let stalled = state.stalled.and_then(|since| since.checked_add(limits.stall_timeout));
        phase.into_iter().chain(stalled).min()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        // The next request may have begun before the last answer's body is dropped.
        if state.phase == Phase::Busy(self.1) {
            state.phase = Phase::Idle(Instant::now());
        }
    }
}

// === impl Watched ===

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, to);
        if to.filled().len() > before {
            self.activity.first_byte();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.wrote(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.activity.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

// === impl Tracked ===

impl<E> HttpBody for Tracked<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
