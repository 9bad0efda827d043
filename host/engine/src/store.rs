//! A store with its limits set before anything runs in it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use crate::engine::Engine;
use crate::failure::Failure;
use crate::limiter::Limiter;
use crate::meter::{Meter, Metered};

/// Bounds on one call.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// How long it may take.
    pub time: TimeLimit,
    /// Bytes that one host call may bring into the host.
    pub host_call_bytes: u64,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// It ends at this time at the latest, waiting for the host included.
    Until(Instant),
    /// It may last, but compute for no longer than this without once waiting for the host: for conversations, which
    /// wait for their client most of the time.
    Busy(Duration),
}

/// The deadline of a call has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("deadline reached")]
pub struct DeadlineReached;

/// A store that only a bounded call can reach. [`CallStore::run`] takes it, and gives it back only if the call ended
/// well: after a trap, a timeout or a dropped future the instance inside is in no defined state, and is gone.
pub struct CallStore<T: Send + 'static> {
    store: Store<T>,
    limiter: Limiter,
    engine: Engine,
}

/// A call in progress: what the closure of [`CallStore::run`] returns.
pub type Running<'a, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'a>>;

impl Engine {
    /// A store for `data`. `access` finds the limiter inside the data, which must be a clone of `limiter`.
    pub fn store<T: Send + 'static>(
        &self,
        data: T,
        limiter: &Limiter,
        access: impl (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static,
    ) -> CallStore<T> {
        let mut store = Store::new(self.wasmtime(), data);
        store.limiter(access);
        CallStore { store, limiter: limiter.clone(), engine: self.clone() }
    }

    /// Waits for `future` until the deadline. Guests do not run in here, only in [`CallStore::run`]; for waiting, for a
    /// slot for instance, within the same deadline.
    ///
    /// # Errors
    /// The deadline has passed.
    pub async fn bounded<F: Future>(&self, deadline: Instant, future: F) -> Result<F::Output, DeadlineReached> {
        tokio::time::timeout_at(deadline.into(), future).await.map_err(|_| DeadlineReached)
    }
}

impl<T: Send + 'static> CallStore<T> {
    /// Runs one call, or an instantiation, or both, within its limits. They hold for guests that compute, start functions
    /// included, and a deadline also for host functions that wait.
    ///
    /// ```no_run
    /// # async fn example(store: tidegate_engine::CallStore<()>, pre: wasmtime::component::InstancePre<()>,
    /// #     limits: tidegate_engine::CallLimits) -> Result<(), tidegate_engine::Failure> {
    /// let (instance, store) = store
    ///     .run(&limits, |store| Box::pin(async move { pre.instantiate_async(store).await }))
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`Failure`]; the store is gone.
    pub async fn run<R>(
        mut self,
        limits: &CallLimits,
        call: impl for<'a> FnOnce(&'a mut Store<T>) -> Running<'a, R>,
    ) -> Result<(R, Self), Failure> {
        self.store.set_hostcall_fuel(usize::try_from(limits.host_call_bytes).unwrap_or(usize::MAX));
        let meter = Arc::new(Meter::default());
        let (time, seen) = (limits.time, Arc::clone(&meter));
        self.store.epoch_deadline_callback(move |_| {
            let over = match time {
                TimeLimit::Until(deadline) => Instant::now() >= deadline,
                TimeLimit::Busy(limit) => seen.yielding() >= limit,
            };
            if over {
                return Err(wasmtime::Error::new(DeadlineReached));
            }
            // tokio's own yield: the worker looks at its sockets and timers before the guest goes on.
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        self.store.set_epoch_deadline(1);
        let running = Metered::new(call(&mut self.store), &meter, &self.engine);
        let outcome = match time {
            TimeLimit::Until(deadline) => self.engine.bounded(deadline, running).await,
            TimeLimit::Busy(_) => Ok(running.await),
        };
        match outcome {
            Ok(Ok(result)) => Ok((result, self)),
            Ok(Err(error)) => Err(Failure::of(error, &self.limiter, limits.host_call_bytes)),
            Err(DeadlineReached) => Err(Failure::Deadline),
        }
    }

    /// The data.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The data, to change between calls.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The limiter, for what the store uses.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Ends the instance and gives its data back.
    pub fn into_data(self) -> T {
        self.store.into_data()
    }
}

impl<T: Send + 'static> std::fmt::Debug for CallStore<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallStore").field("limiter", &self.limiter).finish_non_exhaustive()
    }
}
