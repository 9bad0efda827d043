//! The thread that ticks while calls run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Ticks after the last call, so that calls that follow one another do not each wake the thread.
const LINGER: u32 = 20;

/// Ticks an engine's epoch while at least one [`Running`] lives; sleeps otherwise, so that an idle node does not wake
/// a thousand times a second.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    stop: AtomicBool,
    ticks: AtomicUsize,
}

/// A call is running: keeps the ticker awake.
#[derive(Debug)]
pub(crate) struct Running(Arc<Shared>);

impl Ticker {
    pub(crate) fn start(engine: wasmtime::Engine, period: Duration) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("tidegate-epoch".to_owned()).spawn(move || tick(&engine, &seen, period))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Marks a call as running until the answer is dropped.
    pub(crate) fn running(&self) -> Running {
        if self.shared.running.fetch_add(1, Ordering::SeqCst) == 0
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
        Running(Arc::clone(&self.shared))
    }

    /// Ticks since the start.
    #[cfg(test)]
    pub(crate) fn ticks(&self) -> usize {
        self.shared.ticks.load(Ordering::SeqCst)
    }
}

fn tick(engine: &wasmtime::Engine, shared: &Shared, period: Duration) {
    let mut idle = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        idle = if shared.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle > LINGER {
            // Returns at once if somebody called `unpark` since the load above.
            thread::park();
            idle = 0;
            continue;
        }
        thread::sleep(period);
        engine.increment_epoch();
        shared.ticks.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // Nothing to do about a ticker that panicked; it holds nothing.
            let _ = thread.join();
        }
    }
}
