//! The components that serve now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_attestation::{VerifiedBundle, VerifiedNative};
use tidegate_audit::{Audit, Event};
use tidegate_capability::Capability;
use tidegate_engine::Engine;
use tidegate_grant::Grant;
use tokio::sync::watch;

use crate::load::Loader;
use crate::{Component, LoadError};

/// How often a retiring component is asked whether its calls have ended.
const RETIRE_LOOK: Duration = Duration::from_millis(5);

/// The components that serve, in the order of their addition. A snapshot: it never changes.
#[derive(Debug, Default, Clone)]
pub struct Set {
    /// The components.
    pub components: Vec<Arc<Component>>,
}

/// Loads, starts and retires components.
pub struct Supervisor {
    engine: Engine,
    capabilities: Vec<Arc<dyn Capability>>,
    audit: Audit,
    set: watch::Sender<Arc<Set>>,
}

impl Set {
    /// A component by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Component>> {
        self.components.iter().find(|component| component.name() == name)
    }
}

impl Supervisor {
    /// Without components. The first capability that knows an interface owns it.
    #[must_use]
    pub fn new(engine: Engine, capabilities: Vec<Arc<dyn Capability>>, audit: Audit) -> Self {
        Self { engine, capabilities, audit, set: watch::Sender::new(Arc::default()) }
    }

    /// Makes a component ready, without letting it serve. `native`: native code that runs in place of compiling; everything
    /// else is taken from the bundle all the same.
    ///
    /// # Errors
    /// As [`LoadError`] says; the refusal is in the audit log.
    pub async fn load(
        &self,
        bundle: VerifiedBundle,
        native: Option<VerifiedNative>,
        grant: Grant,
    ) -> Result<Component, LoadError> {
        let component = bundle.reference().to_string();
        let digest = bundle.digest().to_string();
        let signer = bundle.signer().to_string();
        let loader = Loader { engine: &self.engine, capabilities: &self.capabilities, audit: &self.audit };
        let native_signer = native.as_ref().map(|native| native.signer().to_string());
        let loaded = loader.load(bundle, native, grant).await;
        self.audit.emit(match &loaded {
            Ok(_) => Event::Loaded { component, digest, signer, native: native_signer },
            Err(error) => Event::Refused { component, digest: Some(digest), reason: error.to_string() },
        });
        loaded
    }

    /// Lets a component serve, in place of an earlier one of its name, which is given back. Calls that run go on in the
    /// earlier one.
    pub fn start(&self, component: Arc<Component>) -> Option<Arc<Component>> {
        let mut earlier = None;
        self.set.send_modify(|set| {
            let mut next = Set::clone(set);
            match next.components.iter_mut().find(|present| present.name() == component.name()) {
                Some(present) => earlier = Some(std::mem::replace(present, component)),
                None => next.components.push(component),
            }
            *set = Arc::new(next);
        });
        earlier
    }

    /// Takes a component out. Calls that run go on.
    pub fn remove(&self, name: &str) -> Option<Arc<Component>> {
        let mut removed = None;
        self.set.send_if_modified(|set| {
            let Some(at) = set.components.iter().position(|component| component.name() == name) else {
                return false;
            };
            let mut next = Set::clone(set);
            removed = Some(next.components.remove(at));
            *set = Arc::new(next);
            true
        });
        if let Some(component) = &removed {
            self.audit.emit(Event::Removed { component: component.reference().to_string() });
        }
        removed
    }

    /// Waits until a component that was taken out has no calls left, at most for `bound`. True if it has none.
    pub async fn retire(&self, component: &Component, bound: Duration) -> bool {
        let until = Instant::now() + bound;
        while component.calls() > 0 {
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(RETIRE_LOOK).await;
        }
        true
    }

    /// The components that serve now.
    #[must_use]
    pub fn set(&self) -> Arc<Set> {
        Arc::clone(&self.set.borrow())
    }

    /// Follows changes of the set.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Set>> {
        self.set.subscribe()
    }

    /// The engine that runs the components.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}
