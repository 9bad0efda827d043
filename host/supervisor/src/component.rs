//! A loaded component and its instances.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use tidegate_attestation::Signer;
use tidegate_audit::Event;
use tidegate_bundle::{ComponentKind, Manifest, State};
use tidegate_capability::{ComponentInfo, Ctx, CtxParts, PrepareError, Prepared, Verdict};
use tidegate_engine::{CallLimits, Engine, Failure, Image, Limiter, StoreLimits, TimeLimit};
use tidegate_grant::{Grant, Limits};
use tidegate_reference::{Digest, Reference};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::actor::{Actor, Live};
use crate::admission::{Admission, Busy, Permit};
use crate::{Definitions, Exports, OutputSchemas};

/// A component that is ready for calls.
pub struct Component {
    pub(crate) reference: Reference,
    pub(crate) digest: Digest,
    pub(crate) signer: Signer,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) info: ComponentInfo,
    pub(crate) imports: Vec<ImportedInterface>,
    pub(crate) start: Start,
    pub(crate) native: Option<Signer>,
    pub(crate) pre: InstancePre<Ctx>,
    pub(crate) image: Image,
    pub(crate) exports: Arc<Exports>,
    pub(crate) prepared: Vec<Arc<dyn Prepared>>,
    pub(crate) engine: Engine,
    pub(crate) admission: Admission,
    pub(crate) actor: Option<Actor>,
    pub(crate) definitions: RwLock<Arc<Definitions>>,
    pub(crate) schemas: RwLock<Arc<OutputSchemas>>,
    pub(crate) export_names: Vec<String>,
    pub(crate) guard: OnceLock<Guard>,
}

/// Says why definitions that a running component offers must not be offered to anybody.
pub type Guard = Box<dyn Fn(&Definitions) -> Result<(), String> + Send + Sync>;

/// An interface that a component imports, and why it has it.
#[derive(Debug, Clone)]
pub struct ImportedInterface {
    /// Its name with version.
    pub name: String,
    /// Why.
    pub verdict: Verdict,
}

/// Where a component's native code came from, and how long it took to make it ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// From the cache; otherwise it was compiled, here or by somebody who signed it: see [`Component::native`].
    pub cached: bool,
    /// Time from verified bytes to ready.
    pub took: std::time::Duration,
}

/// What a call does in an instance.
pub type Body<'a, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'a>>;

/// Why a call did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its instance failed, or reached a limit.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Something that policy grants is gone.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The stateful instance failed and starts again later.
    #[error("its instance failed and starts again in {} ms", .0.as_millis())]
    Restarting(std::time::Duration),
}

impl Component {
    /// From here on, what the component says it offers must pass `guard` too; what does not, is not offered. The first guard
    /// stays.
    pub fn guard(&self, guard: Guard) {
        // One was set before: it is the one that counts.
        let _ = self.guard.set(guard);
    }

    /// Names of the outermost component's exports.
    #[must_use]
    pub fn export_names(&self) -> &[String] {
        &self.export_names
    }

    /// Takes what its code needs of memory out of the process, until it runs again.
    pub fn rest(&self) {
        self.image.rest();
    }

    /// Name and version.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.reference.name.as_str()
    }

    /// Digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Who vouches for it.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// What its author says of it; foreign components have none.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> ComponentKind {
        self.manifest.as_ref().map_or(ComponentKind::Tool, |manifest| manifest.kind)
    }

    /// Whether its instance keeps something between calls.
    #[must_use]
    pub fn is_stateful(&self) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| manifest.state == State::Stateful)
    }

    /// What it may do.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.info.grant
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.info.grant.limits
    }

    /// The interfaces it imports, and why it has each.
    #[must_use]
    pub fn imports(&self) -> &[ImportedInterface] {
        &self.imports
    }

    /// How it was made ready.
    #[must_use]
    pub fn start(&self) -> Start {
        self.start
    }

    /// Who signed the native code that runs; none: this host compiled it.
    #[must_use]
    pub fn native(&self) -> Option<&Signer> {
        self.native.as_ref()
    }

    /// What it offers, by interface.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.exports
    }

    /// What it offers, by name.
    #[must_use]
    pub fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.definitions.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_definitions(&self, definitions: Definitions, schemas: OutputSchemas) {
        *self.schemas.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(schemas);
        *self.definitions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(definitions);
    }

    /// The schemas of structured results, by its own names of its tools; tools without one are not there.
    #[must_use]
    pub fn output_schemas(&self) -> Arc<OutputSchemas> {
        Arc::clone(&self.schemas.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls that run or wait now.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.admission.present()
    }

    /// Waits for the right to run a call.
    ///
    /// # Errors
    /// When as many calls wait as may run.
    pub async fn admit(&self) -> Result<Permit, Busy> {
        self.admission.admit().await
    }

    /// Runs `body` in a fresh instance, or in the one instance of a stateful component when its turn comes. `setup`
    /// puts into the store's data what the call needs. Start functions run within the deadline.
    ///
    /// Dropping the future of a stateful component's call loses its instance: let it run, or cancel it from within.
    ///
    /// # Errors
    /// When the instance fails or reaches a limit; it is thrown away then.
    pub async fn run<R: Send + 'static>(
        &self,
        time: TimeLimit,
        setup: impl FnOnce(&mut Ctx) + Send,
        body: impl for<'a> FnOnce(&'a mut Store<Ctx>, &'a Instance, &'a Exports) -> Body<'a, R> + Send + 'static,
    ) -> Result<R, RunError> {
        match &self.actor {
            None => self.run_fresh(time, setup, body).await,
            Some(actor) => self.run_actor(actor, time, setup, body).await,
        }
    }

    async fn run_fresh<R: Send + 'static>(
        &self,
        time: TimeLimit,
        setup: impl FnOnce(&mut Ctx) + Send,
        body: impl for<'a> FnOnce(&'a mut Store<Ctx>, &'a Instance, &'a Exports) -> Body<'a, R> + Send + 'static,
    ) -> Result<R, RunError> {
        let (mut ctx, limiter) = self.ctx()?;
        setup(&mut ctx);
        let store = self.engine.store(ctx, &limiter, |ctx| &mut *ctx.limiter);
        let limits = self.call_limits(time);
        let (pre, exports) = (self.pre.clone(), Arc::clone(&self.exports));
        let run = store.run(&limits, move |store| {
            Box::pin(async move {
                let instance = pre.instantiate_async(&mut *store).await?;
                body(store, &instance, &exports).await
            })
        });
        Ok(run.await?.0)
    }

    async fn run_actor<R: Send + 'static>(
        &self,
        actor: &Actor,
        time: TimeLimit,
        setup: impl FnOnce(&mut Ctx) + Send,
        body: impl for<'a> FnOnce(&'a mut Store<Ctx>, &'a Instance, &'a Exports) -> Body<'a, R> + Send + 'static,
    ) -> Result<R, RunError> {
        let mut place = match time {
            TimeLimit::Busy(_) => actor.turn().await,
            TimeLimit::Until(deadline) => {
                let turn = self.engine.bounded(deadline, actor.turn()).await;
                turn.map_err(|_| RunError::Failed(Failure::Deadline))?
            }
        };
        if let Some(wait) = place.wait(Instant::now()) {
            return Err(RunError::Restarting(wait));
        }
        let result = self.run_live(place.live.take(), None, time, setup, body).await;
        match result {
            Ok((value, live)) => {
                place.succeeded(live);
                Ok(value)
            }
            Err(error) => {
                let wait = place.failed(Instant::now());
                self.info.audit.emit(Event::Quarantined {
                    component: self.reference.to_string(),
                    reason: error.to_string(),
                    milliseconds: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                });
                Err(error)
            }
        }
    }

    /// `memory`: a bound below the component's own, for an instance that is held; its limiter is in the slots then.
    pub(crate) async fn run_live<R: Send + 'static>(
        &self,
        live: Option<Live>,
        memory: Option<u64>,
        time: TimeLimit,
        setup: impl FnOnce(&mut Ctx) + Send,
        body: impl for<'a> FnOnce(&'a mut Store<Ctx>, &'a Instance, &'a Exports) -> Body<'a, R> + Send + 'static,
    ) -> Result<(R, Live), RunError> {
        let (mut store, present) = match live {
            Some((store, instance)) => (store, Some(instance)),
            None => {
                let (mut ctx, limiter) = self.ctx_within(memory)?;
                if memory.is_some() {
                    ctx.slots.insert(limiter.clone());
                }
                (self.engine.store(ctx, &limiter, |ctx| &mut *ctx.limiter), None)
            }
        };
        setup(store.data_mut());
        let limits = self.call_limits(time);
        let (pre, exports) = (self.pre.clone(), Arc::clone(&self.exports));
        let run = store.run(&limits, move |store| {
            Box::pin(async move {
                let instance = match present {
                    Some(instance) => instance,
                    None => pre.instantiate_async(&mut *store).await?,
                };
                let value = body(store, &instance, &exports).await?;
                Ok((value, instance))
            })
        });
        let ((value, instance), store) = run.await?;
        Ok((value, (store, instance)))
    }

    fn ctx(&self) -> Result<(Ctx, Limiter), PrepareError> {
        self.ctx_within(None)
    }

    fn ctx_within(&self, memory: Option<u64>) -> Result<(Ctx, Limiter), PrepareError> {
        let limits = self.limits();
        let limiter = Limiter::new(StoreLimits {
            memory: memory.map_or(limits.memory, |memory| memory.min(limits.memory)),
            table_elements: limits.table_elements,
            instances: limits.instances,
        });
        let ctx = Ctx::new(CtxParts {
            component: Arc::clone(&self.info.name),
            limiter: Box::new(limiter.clone()),
            prepared: &self.prepared,
        })?;
        Ok((ctx, limiter))
    }

    fn call_limits(&self, time: TimeLimit) -> CallLimits {
        CallLimits { time, host_call_bytes: self.limits().host_call }
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component").field("reference", &self.reference.to_string()).finish_non_exhaustive()
    }
}
