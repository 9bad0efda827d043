//! An instance that somebody keeps between calls: that of a loaded model.

use tidegate_capability::Ctx;
use tidegate_engine::TimeLimit;
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::actor::Live;
use crate::component::{Body, RunError};
use crate::{Component, Exports};

/// A live instance. Dropping it ends it; a call that fails ends it too.
pub struct Held {
    live: Live,
    memory: u64,
}

impl Component {
    /// Starts an instance and runs `body` in it, as [`Component::run`] does, and gives the instance to keep. `memory`: a bound
    /// on its linear memory, in bytes, beside that of the component's grant, which holds too. The store's slots have its
    /// [`tidegate_engine::Limiter`].
    ///
    /// # Errors
    /// When the instance fails or reaches a limit; it is gone then.
    pub async fn hold<R: Send + 'static>(
        &self,
        memory: u64,
        time: TimeLimit,
        setup: impl FnOnce(&mut Ctx) + Send,
        body: impl for<'a> FnOnce(&'a mut Store<Ctx>, &'a Instance, &'a Exports) -> Body<'a, R> + Send + 'static,
    ) -> Result<(R, Held), RunError> {
        let (value, live) = self.run_live(None, Some(memory), time, setup, body).await?;
        Ok((value, Held { live, memory }))
    }

    /// Runs `body` in an instance that this very component gave to keep.
    ///
    /// # Errors
    /// When the instance fails or reaches a limit; it is gone then.
    pub async fn run_held<R: Send + 'static>(
        &self,
        held: Held,
        time: TimeLimit,
        setup: impl FnOnce(&mut Ctx) + Send,
        body: impl for<'a> FnOnce(&'a mut Store<Ctx>, &'a Instance, &'a Exports) -> Body<'a, R> + Send + 'static,
    ) -> Result<(R, Held), RunError> {
        let Held { live, memory } = held;
        let (value, live) = self.run_live(Some(live), Some(memory), time, setup, body).await?;
        Ok((value, Held { live, memory }))
    }
}

impl Held {
    /// Bytes of linear memory that it has now. Memory never shrinks.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.live.0.limiter().memory()
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("memory", &self.memory()).finish_non_exhaustive()
    }
}
