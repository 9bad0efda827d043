//! The body of a request, counted and timed while it is read.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

/// The body of a request. Ends in an error once it has more bytes than [`Limits::max_body`](crate::Limits::max_body), or
/// when the client sends nothing for [`Limits::stall_timeout`](crate::Limits::stall_timeout).
pub struct Body {
    incoming: Incoming,
    left: u64,
    limit: u64,
    timeout: Duration,
    /// Armed while the client is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
    overflow: Overflow,
    ended: bool,
}

/// Set once a body was too large, so that the answer can say so.
#[derive(Clone, Default)]
pub(crate) struct Overflow(Arc<AtomicBool>);

/// Why a body cannot be read to its end. The client is at fault in every case.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More bytes than allowed. The client gets 413 if the answer has not begun.
    #[error("the request's body has more than {limit} bytes; `http.max-body` sets this limit")]
    TooLarge {
        /// Bytes.
        limit: u64,
    },
    /// Nothing came for too long.
    #[error("the client sent nothing of the request's body for {} seconds", timeout.as_secs_f32())]
    Stalled {
        /// How long.
        timeout: Duration,
    },
    /// The connection broke, or the bytes are not HTTP.
    #[error("the request's body broke off")]
    Broken(#[source] hyper::Error),
}

// === impl Overflow ===

impl Overflow {
    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl Body ===

impl Body {
    pub(crate) fn new(incoming: Incoming, limit: u64, timeout: Duration, overflow: Overflow) -> Self {
        Self { incoming, left: limit, limit, timeout, waiting: None, overflow, ended: false }
    }

    fn waited(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.timeout;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(timeout)));
        waiting.as_mut().poll(cx)
    }

    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        let length = frame.data_ref().map_or(0, |data| u64::try_from(data.remaining()).unwrap_or(u64::MAX));
        match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Ok(frame)
            }
            None => {
                self.overflow.0.store(true, Ordering::Relaxed);
                Err(BodyError::TooLarge { limit: self.limit })
            }
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) else {
            ready!(this.waited(cx));
            this.ended = true;
            return Poll::Ready(Some(Err(BodyError::Stalled { timeout: this.timeout })));
        };
        if let Some(waiting) = &mut this.waiting {
            waiting.as_mut().reset(Instant::now() + this.timeout);
        }
        let frame = match frame {
            None => None,
            Some(Ok(frame)) => Some(this.count(frame)),
            Some(Err(error)) => Some(Err(BodyError::Broken(error))),
        };
        this.ended = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Body").field("left", &self.left).field("ended", &self.ended).finish_non_exhaustive()
    }
}
