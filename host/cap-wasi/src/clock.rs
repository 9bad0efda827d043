//! `wasi:clocks/monotonic-clock`. Waits of a second and more share timers; all else is the library's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_capability::Ctx;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::clocks::{WasiClocksCtxView, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

/// From here on a wait may end a little late, by a sixteenth of its length at most.
const LONG: Duration = Duration::from_secs(1);
/// By how much of its length.
const SHARE: u32 = 16;

/// The timers of long waits: one for all that end at about the same time.
///
/// A guest that waits for a call, but for 15 seconds at most, sets a timer and drops it some microseconds later. The
/// runtime would wake a thread each time, to tell it of the earlier end. Of a shared one it hears once; a timer
/// stays until it fires, at most 32 of them for waits of about the same length.
#[derive(Debug)]
pub(crate) struct Timers {
    began: Instant,
    /// By milliseconds since the beginning.
    waiting: Mutex<HashMap<u128, Arc<Notify>>>,
}

/// The clock as one store sees it.
pub(crate) struct Clock<'a> {
    library: WasiClocksCtxView<'a>,
    timers: Option<Arc<Timers>>,
}

/// A long wait.
struct Long {
    timers: Arc<Timers>,
    end: Instant,
}

/// Names [`Clock`] to the linker.
pub(crate) struct Clocks;

impl HasData for Clocks {
    type Data<'a> = Clock<'a>;
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), waiting: Mutex::default() }
    }

    /// Waits until `end` or a little longer.
    async fn until(self: &Arc<Self>, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        if left < LONG {
            return sleep_until(end).await;
        }
        let step = (left / SHARE).as_millis().next_power_of_two() / 2;
        let at = end.saturating_duration_since(self.began).as_millis().next_multiple_of(step.max(1));
        let timer = self.timer(at);
        let mut fired = std::pin::pin!(timer.notified());
        // Registered before the look, so that a timer that fires in between is not missed.
        fired.as_mut().enable();
        let waits = self.lock().get(&at).is_some_and(|waits| Arc::ptr_eq(waits, &timer));
        if waits {
            fired.await;
        }
    }

    fn timer(self: &Arc<Self>, at: u128) -> Arc<Notify> {
        Arc::clone(self.lock().entry(at).or_insert_with(|| {
            let fires = u64::try_from(at).ok().and_then(|at| self.began.checked_add(Duration::from_millis(at)));
            let this = Arc::clone(self);
            tokio::spawn(async move {
                match fires {
                    Some(fires) => sleep_until(fires).await,
                    // Beyond what a clock can say.
                    None => std::future::pending().await,
                }
                if let Some(timer) = { this.lock().remove(&at) } {
                    timer.notify_waiters();
                }
            });
            Arc::default()
        }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u128, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock of one store.
pub(crate) fn clock(ctx: &mut Ctx) -> Clock<'_> {
    let timers = ctx.slots.get::<Arc<Timers>>().cloned();
    Clock { library: ctx.clocks(), timers }
}

impl monotonic_clock::Host for Clock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.library.now()
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.library.resolution()
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.library.now()?;
        self.subscribe_duration(when.saturating_sub(now))
    }

    fn subscribe_duration(&mut self, nanoseconds: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let length = Duration::from_nanos(nanoseconds);
        let end = (length >= LONG).then(|| Instant::now().checked_add(length)).flatten();
        match (end, &self.timers) {
            (Some(end), Some(timers)) => {
                let long = self.library.table.push(Long { timers: Arc::clone(timers), end })?;
                subscribe(self.library.table, long)
            }
            _ => self.library.subscribe_duration(nanoseconds),
        }
    }
}

#[async_trait]
impl Pollable for Long {
    async fn ready(&mut self) {
        self.timers.until(self.end).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds that a wait of so many took.
    async fn took(timers: &Arc<Timers>, seconds: f64) -> f64 {
        let began = Instant::now();
        timers.until(began + Duration::from_secs_f64(seconds)).await;
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_end_in_time_or_a_sixteenth_late() {
        let timers = Arc::new(Timers::new());
        for seconds in [0.0, 0.02, 0.999, 1.0, 1.7, 15.0, 86_400.0] {
            tokio::time::advance(Duration::from_micros(12_345)).await;
            let took = took(&timers, seconds).await;
            // Two milliseconds: what the runtime's own timers round.
            assert!(took >= seconds && took <= seconds * 17.0 / 16.0 + 0.002, "{seconds} took {took}");
        }
        assert!(timers.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn many_waits_share_a_few_timers() {
        let timers = Arc::new(Timers::new());
        let mut most = 0;
        for _ in 0..10_000 {
            tokio::time::advance(Duration::from_millis(3)).await;
            let long = timers.until(Instant::now() + Duration::from_secs(15));
            // Polled once and dropped, as a wait for a call that is soon over.
            assert!(tokio::time::timeout(Duration::ZERO, long).await.is_err());
            most = most.max(timers.lock().len());
        }
        assert!((1..=33).contains(&most), "{most} timers");
    }
}
