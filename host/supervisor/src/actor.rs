//! The one instance of a stateful component: a mailbox, and restart with back-off.

use std::time::{Duration, Instant};

use tidegate_capability::Ctx;
use tidegate_engine::CallStore;
use tokio::sync::{Mutex, MutexGuard};
use wasmtime::component::Instance;

/// Wait before the second start in a row; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait before a start.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A live instance and its store.
pub(crate) type Live = (CallStore<Ctx>, Instance);

/// The place of the instance. Calls take turns in the order in which they came.
#[derive(Default)]
pub(crate) struct Actor {
    place: Mutex<Place>,
}

/// What is in the place.
#[derive(Default)]
pub(crate) struct Place {
    /// The instance, if it lives.
    pub(crate) live: Option<Live>,
    failures: u32,
    not_before: Option<Instant>,
}

impl Actor {
    /// Waits for one's turn.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, Place> {
        self.place.lock().await
    }
}

impl Place {
    /// How long one has to wait before the instance may start again.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        self.not_before.and_then(|at| at.checked_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// The instance ended a call well.
    pub(crate) fn succeeded(&mut self, live: Live) {
        self.live = Some(live);
        self.failures = 0;
        self.not_before = None;
    }

    /// The instance failed and is gone. Gives the wait before the next start.
    pub(crate) fn failed(&mut self, now: Instant) -> Duration {
        let wait = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(LONGEST_WAIT);
        self.live = None;
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_passes() {
        let mut place = Place::default();
        let now = Instant::now();
        assert_eq!(place.wait(now), None);
        let waits: Vec<_> = (0..12).map(|_| place.failed(now).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
        assert_eq!(place.wait(now), Some(LONGEST_WAIT));
        assert_eq!(place.wait(now + LONGEST_WAIT), None);
    }
}
