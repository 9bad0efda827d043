//! Whether a request is still wanted, as the instance that works on it asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How long an instance may go on after it should have stopped, to come to a place where it asks.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// Shared by who waits for a request and who works on it.
#[derive(Debug)]
pub(crate) struct Stop {
    cancelled: AtomicBool,
    changed: Notify,
}

/// Cancels when dropped: held by who waits.
#[derive(Debug)]
pub(crate) struct Waiting(pub(crate) Arc<Stop>);

/// What the store of a request has in its slots: the flag, and when its time is over.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub(crate) stop: Arc<Stop>,
    pub(crate) deadline: Instant,
}

impl Stop {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { cancelled: AtomicBool::new(false), changed: Notify::new() })
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Waits until it is cancelled.
    pub(crate) async fn cancelled(&self) {
        loop {
            // Registered before the look, so that nothing between the two is missed.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_cancelled() {
                return;
            }
            changed.await;
        }
    }

    /// Waits until an instance should have noticed that it is cancelled.
    pub(crate) async fn given_up(&self) {
        self.cancelled().await;
        tokio::time::sleep(GRACE).await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
