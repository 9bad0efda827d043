//! The models of a node, their backends, and the memory that they share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Instant;

use tidegate_attestation::VerifiedModel;
use tidegate_audit::{Audit, Event};
use tidegate_bindings::model_backend::tidegate::model::types::Shortage;
use tidegate_grant::format_bytes;
use tidegate_reference::Digest;
use tidegate_source_dir::ModelStore;
use tidegate_supervisor::{Component, Supervisor, TimeLimit};
use tokio::sync::Mutex as Turn;

use crate::Failure;
use crate::choose::candidates;
use crate::known::{Known, Loaded};

/// The models of a node. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    pub(crate) inner: Arc<Inner>,
}

/// What the models of a node are made with.
#[derive(Debug)]
pub struct ModelsConfig {
    /// Where their files are.
    pub store: ModelStore,
    /// Memory that all loaded models may have together, in bytes.
    pub memory: u64,
    /// Where loads and requests are written.
    pub audit: Audit,
}

pub(crate) struct Inner {
    pub(crate) store: ModelStore,
    pub(crate) memory: u64,
    pub(crate) audit: Audit,
    supervisor: OnceLock<Weak<Supervisor>>,
    known: RwLock<BTreeMap<String, Arc<Known>>>,
    /// Formats that backends read, by the component's digest.
    formats: Mutex<HashMap<Digest, Vec<String>>>,
    /// One looks for room at a time.
    room: Turn<()>,
    clock: AtomicU64,
}

/// The models of a node, as long as the node is there.
#[derive(Debug, Clone)]
pub(crate) struct WeakModels(Weak<Inner>);

impl WeakModels {
    pub(crate) fn get(&self) -> Result<Models, Failure> {
        let inner = self.0.upgrade();
        inner.map(|inner| Models { inner }).ok_or_else(|| Failure::Failed("the host is ending".to_owned()))
    }
}

impl Models {
    pub(crate) fn downgrade(&self) -> WeakModels {
        WeakModels(Arc::downgrade(&self.inner))
    }

    /// Without models and, until [`Models::connect`], without backends.
    #[must_use]
    pub fn new(config: ModelsConfig) -> Self {
        let inner = Inner {
            store: config.store,
            memory: config.memory,
            audit: config.audit,
            supervisor: OnceLock::new(),
            known: RwLock::default(),
            formats: Mutex::default(),
            room: Turn::default(),
            clock: AtomicU64::new(1),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Finds backends among the components of `supervisor` from here on. Holds it weakly: it holds the capability.
    pub fn connect(&self, supervisor: &Arc<Supervisor>) {
        let _ = self.inner.supervisor.set(Arc::downgrade(supervisor));
    }

    /// The models that there are from here on. Those that were there before, by their digest, stay loaded.
    ///
    /// # Errors
    /// Nothing: a file that is not there counts as empty here, and fails when the model is used.
    pub fn set(&self, models: Vec<VerifiedModel>) {
        let mut known = self.inner.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = BTreeMap::new();
        for model in models {
            let name = model.manifest().name.to_string();
            let same = known.get(&name).filter(|known| known.model.digest() == model.digest());
            let kept = same.cloned().unwrap_or_else(|| {
                let size = |file: &str| {
                    model.files().get(file).and_then(|digest| self.inner.store.size(digest).ok()).unwrap_or(0)
                };
                let candidates = candidates(model.manifest(), size);
                Arc::new(Known::new(model, candidates))
            });
            next.insert(name, kept);
        }
        let gone: Vec<_> = known.values().filter(|old| !next.values().any(|new| Arc::ptr_eq(new, old))).collect();
        for old in gone {
            // One that works ends with its last request.
            if let Ok(mut place) = old.place.try_lock()
                && place.take().is_some()
            {
                self.unloaded(old, "it was removed or replaced");
            }
        }
        *known = next;
    }

    /// The models, ordered by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Known>> {
        self.inner.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A model by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Known>> {
        self.inner.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Memory that all loaded models may have together, in bytes.
    #[must_use]
    pub fn budget(&self) -> u64 {
        self.inner.memory
    }

    /// Memory that all loaded models have now, in bytes.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.all().iter().map(|known| known.memory()).fold(0, u64::saturating_add)
    }

    /// The backend for a model: the one that its manifest wants, or the first that reads its format.
    pub(crate) async fn backend(&self, known: &Known) -> Result<Arc<Component>, Failure> {
        let manifest = known.model.manifest();
        let supervisor = self.inner.supervisor.get().and_then(Weak::upgrade);
        let set = supervisor.map(|supervisor| supervisor.set()).unwrap_or_default();
        for component in set.components.iter().filter(|component| component.exports().model.is_some()) {
            let wanted = match &manifest.backend {
                Some(wanted) => wanted.as_str() == component.name(),
                None => self.formats(component).await?.contains(&manifest.format),
            };
            if wanted {
                return Ok(Arc::clone(component));
            }
        }
        Err(Failure::NoBackend(match &manifest.backend {
            Some(wanted) => format!(
                "the model `{}` wants the backend `{wanted}`, which does not serve here: `tidegate add` a signed one",
                known.name()
            ),
            None => format!(
                "no backend here reads `{}`, the format of the model `{}`: `tidegate add` a signed one that does",
                manifest.format,
                known.name()
            ),
        }))
    }

    /// The formats that a backend reads; asked once.
    async fn formats(&self, component: &Arc<Component>) -> Result<Vec<String>, Failure> {
        let cached = |formats: &Mutex<HashMap<Digest, Vec<String>>>| {
            formats.lock().unwrap_or_else(PoisonError::into_inner).get(component.digest()).cloned()
        };
        if let Some(formats) = cached(&self.inner.formats) {
            return Ok(formats);
        }
        let time = TimeLimit::Until(Instant::now() + component.limits().deadline);
        let asked = component.run(
            time,
            |_| (),
            |store, instance, exports| {
                Box::pin(async move {
                    let Some(indices) = &exports.model else { return Ok(Vec::new()) };
                    indices.load(&mut *store, instance)?.tidegate_model_backend().call_formats(&mut *store).await
                })
            },
        );
        let formats = asked.await.map_err(|error| crate::failure::broken(component.name(), &error))?;
        let mut all = self.inner.formats.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(*component.digest(), formats.clone());
        Ok(formats)
    }

    /// Makes room for `needs` bytes by unloading what was not used for longest and does not work; then `known` has them.
    pub(crate) async fn make_room(&self, known: &Known, needs: u64) -> Result<(), Failure> {
        let _alone = self.inner.room.lock().await;
        let budget = self.inner.memory;
        if needs > budget {
            return Err(Failure::DoesNotFit(Shortage { needed: needs, available: budget }));
        }
        loop {
            let used = self.used().saturating_sub(known.memory());
            if used.saturating_add(needs) <= budget {
                known.memory.store(needs, Ordering::Release);
                return Ok(());
            }
            if !self.unload_one(known) {
                return Err(Failure::Busy(format!(
                    "the model `{}` needs {}, and models that work now hold {} of the {} that models may have: try again later",
                    known.name(),
                    format_bytes(needs),
                    format_bytes(used),
                    format_bytes(budget)
                )));
            }
        }
    }

    /// Unloads the one that was not used for longest, if there is one that does not work.
    fn unload_one(&self, but: &Known) -> bool {
        let mut all = self.all();
        all.retain(|known| known.memory() > 0 && !std::ptr::eq(&raw const **known, but));
        all.sort_by_key(|known| known.used.load(Ordering::Acquire));
        for known in all {
            let Ok(mut place) = known.place.try_lock() else { continue };
            if place.take().is_some() {
                self.unloaded(&known, "another model needs its memory");
                return true;
            }
        }
        false
    }

    /// After a request: what the instance has now. It may have grown beyond the budget at the cost of others.
    pub(crate) fn settle(&self, known: &Known, loaded: &Loaded) {
        known.memory.store(loaded.held.memory(), Ordering::Release);
        known.used.store(self.inner.clock.fetch_add(1, Ordering::AcqRel), Ordering::Release);
        while self.used() > self.inner.memory && self.unload_one(known) {}
    }

    /// Notes that a model has no instance any more.
    pub(crate) fn unloaded(&self, known: &Known, reason: &str) {
        known.memory.store(0, Ordering::Release);
        self.inner
            .audit
            .emit(Event::ModelUnloaded { model: known.model.reference().to_string(), reason: reason.to_owned() });
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Models").field("memory", &self.inner.memory).finish_non_exhaustive()
    }
}
