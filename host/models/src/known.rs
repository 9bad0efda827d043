//! A model of this node, and its place.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tidegate_attestation::VerifiedModel;
use tidegate_bindings::model_backend::tidegate::model::types::Description;
use tidegate_reference::Digest;
use tidegate_supervisor::{Component, Held};
use tokio::sync::Mutex as Turn;
use wasmtime::component::ResourceAny;

use crate::choose::Candidate;
use crate::weights::Source;

/// A verified model, and what is kept of it while the host runs.
pub struct Known {
    pub(crate) model: VerifiedModel,
    /// Variants, largest first.
    pub(crate) candidates: Vec<Candidate>,
    /// Its instance, if it is loaded. Requests take turns in the order in which they came.
    pub(crate) place: Arc<Turn<Option<Loaded>>>,
    /// Memory of the instance, in bytes; 0 while none is loaded. It counts from before the load on.
    pub(crate) memory: AtomicU64,
    /// Greater than that of every model that was used before.
    pub(crate) used: AtomicU64,
    /// Files that were opened and hashed, by variant.
    pub(crate) sources: Mutex<Vec<(String, Source)>>,
    chosen: Mutex<Option<Chosen>>,
}

/// The variant that fits, by one backend's word.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// The backend.
    pub(crate) backend: Digest,
    /// The variant.
    pub(crate) candidate: Candidate,
    /// What the backend says of it.
    pub(crate) description: Description,
}

/// A model in memory.
pub(crate) struct Loaded {
    /// The instance of its own.
    pub(crate) held: Held,
    /// The model inside.
    pub(crate) model: ResourceAny,
    /// Whose instance it is.
    pub(crate) backend: Arc<Component>,
}

impl Known {
    pub(crate) fn new(model: VerifiedModel, candidates: Vec<Candidate>) -> Self {
        Self {
            model,
            candidates,
            place: Arc::default(),
            memory: AtomicU64::new(0),
            used: AtomicU64::new(0),
            sources: Mutex::default(),
            chosen: Mutex::default(),
        }
    }

    /// The verified model.
    #[must_use]
    pub fn model(&self) -> &VerifiedModel {
        &self.model
    }

    /// Its variants, largest first.
    #[must_use]
    pub fn variants(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Bytes of memory that it holds now; 0: it is not loaded.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory.load(Ordering::Acquire)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.model.manifest().name.as_str()
    }

    /// The variant that was chosen with that backend, if one was.
    pub(crate) fn chosen(&self, backend: Option<&Digest>) -> Option<Chosen> {
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        chosen.filter(|chosen| backend.is_none_or(|backend| chosen.backend == *backend))
    }

    pub(crate) fn choose(&self, chosen: Chosen) {
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = Some(chosen);
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("model", &self.model.reference().to_string()).finish_non_exhaustive()
    }
}
