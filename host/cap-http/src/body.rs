//! The answer's body, with a bound on the silence between two pieces.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::Error;

use crate::failure;

pub(crate) struct TimedBody {
    incoming: Incoming,
    wait: Duration,
    /// Set from when a piece is waited for. What has come meanwhile is given, however late the component asks again.
    silence: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    pub(crate) fn new(incoming: Incoming, wait: Duration) -> Self {
        Self { incoming, wait, silence: None }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            self.silence = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(failure::exchange)));
        }
        let wait = self.wait;
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(wait)));
        silence.as_mut().poll(cx).map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
