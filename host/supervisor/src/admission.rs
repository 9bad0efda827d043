//! How many calls of one component run and wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets at most `limit` calls run and as many wait.
pub(crate) struct Admission {
    running: Arc<Semaphore>,
    /// Calls that run or wait.
    present: Arc<AtomicU32>,
    limit: u32,
}

/// The right to run one call; given back when dropped.
pub struct Permit {
    _running: OwnedSemaphorePermit,
    _present: Present,
}

struct Present(Arc<AtomicU32>);

/// Too many calls run and wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit} calls run and {limit} wait (policy key `concurrency`): try again later")]
pub struct Busy {
    limit: u32,
}

impl Admission {
    pub(crate) fn new(limit: u32) -> Self {
        Self { running: Arc::new(Semaphore::new(limit as usize)), present: Arc::default(), limit }
    }

    /// Waits for a place.
    pub(crate) async fn admit(&self) -> Result<Permit, Busy> {
        let busy = Busy { limit: self.limit };
        let present = Present(Arc::clone(&self.present));
        if self.present.fetch_add(1, Ordering::AcqRel) >= self.limit.saturating_mul(2) {
            return Err(busy);
        }
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy)?;
        Ok(Permit { _running: running, _present: present })
    }

    /// Calls that run or wait now.
    pub(crate) fn present(&self) -> u32 {
        self.present.load(Ordering::Acquire)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn as_many_wait_as_run_and_more_are_refused() {
        let admission = Arc::new(Admission::new(1));
        let running = admission.admit().await.unwrap();
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.admit().await.map(drop) }
        });
        while admission.present() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(admission.admit().await.err(), Some(Busy { limit: 1 }));
        assert_eq!(admission.present(), 2, "a refused call does not count");
        drop(running);
        waiting.await.unwrap().unwrap();
        assert_eq!(admission.present(), 0);
    }
}
