//! The client on whose behalf an instance works: who it is, and whether it is still there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tidegate_grant::Principal;
use tokio::sync::Notify;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// A client. Clones are of the same one.
#[derive(Clone)]
pub(crate) struct Client(Arc<Shared>);

struct Shared {
    principal: Principal,
    /// How many calls are paid for already: by the request that the client made.
    paid: AtomicU32,
    closed: AtomicBool,
    changed: Notify,
}

impl Client {
    /// A client that is there.
    ///
    /// `paid`: how many of its calls are within what was asked for already; each beyond is a request of its own.
    pub(crate) fn new(principal: Principal, paid: u32) -> Self {
        let paid = AtomicU32::new(paid);
        Self(Arc::new(Shared { principal, paid, closed: AtomicBool::new(false), changed: Notify::new() }))
    }

    /// Whether the next call is paid for.
    pub(crate) fn has_paid(&self) -> bool {
        let left = |paid: u32| paid.checked_sub(1);
        self.0.paid.fetch_update(Ordering::AcqRel, Ordering::Acquire, left).is_ok()
    }

    /// Who it is.
    pub(crate) fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// Remembers that it has gone. Idempotent.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    /// Whether it has gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// Waits until it has gone.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.0);
        async move {
            loop {
                let mut changed = std::pin::pin!(shared.changed.notified());
                // Registered before the look at the flag, so that nothing in between is missed.
                changed.as_mut().enable();
                if shared.closed.load(Ordering::Acquire) {
                    return;
                }
                changed.await;
            }
        }
    }
}

/// A response's body; the client has gone when nobody holds it any more.
pub(crate) struct Watched {
    body: HyperOutgoingBody,
    client: Client,
}

impl Watched {
    /// Watches a body.
    pub(crate) fn new(body: HyperOutgoingBody, client: Client) -> Self {
        Self { body, client }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.client.close();
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = <HyperOutgoingBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
