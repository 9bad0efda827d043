//! How long a call computes.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::engine::Engine;

/// Time that a guest computed since it last waited for the host. Shared by the call's future, which is polled, and the
/// epoch's callback, which runs inside such a poll.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    clock: Mutex<Clock>,
    /// The guest was interrupted in this poll: it does not wait, it has more to compute.
    yielded: AtomicBool,
}

#[derive(Debug, Default)]
struct Clock {
    before: Duration,
    since: Option<Instant>,
}

/// A call whose polls are metered, and which keeps the ticker awake only while it is polled: a conversation that waits
/// for its client costs nothing.
pub(crate) struct Metered<'a, F> {
    call: F,
    meter: &'a Meter,
    engine: &'a Engine,
}

impl Meter {
    /// The guest is about to be interrupted; how long it has computed.
    pub(crate) fn yielding(&self) -> Duration {
        self.yielded.store(true, Ordering::Relaxed);
        let clock = self.clock();
        clock.before + clock.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn begin(&self) {
        self.yielded.store(false, Ordering::Relaxed);
        self.clock().since = Some(Instant::now());
    }

    fn end(&self) {
        let mut clock = self.clock();
        let polled = clock.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        clock.before = if self.yielded.load(Ordering::Relaxed) { clock.before + polled } else { Duration::ZERO };
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, F> Metered<'a, F> {
    pub(crate) fn new(call: F, meter: &'a Arc<Meter>, engine: &'a Engine) -> Self {
        Self { call, meter, engine }
    }
}

impl<F: Future + Unpin> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _ticking = self.engine.ticking();
        self.meter.begin();
        let polled = Pin::new(&mut self.call).poll(context);
        self.meter.end();
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_adds_up_over_interruptions_and_ends_with_a_wait() {
        let meter = Meter::default();
        let poll = |interrupted: bool| {
            meter.begin();
            std::thread::sleep(Duration::from_millis(2));
            let seen = if interrupted { meter.yielding() } else { Duration::ZERO };
            meter.end();
            seen
        };
        assert!(poll(true) >= Duration::from_millis(2));
        assert!(poll(true) >= Duration::from_millis(4));
        poll(false);
        meter.begin();
        assert!(meter.yielding() < Duration::from_millis(2), "it waited in between");
    }
}
