//! `tidegate:host/system`: the state of the node.
//!
//! Readings are at most one second old and shared by all components, so that a component in a loop does not keep the
//! node busy with reading its own state.

mod readings;
mod view;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tidegate_bindings::host::tidegate::host::system;
use tidegate_capability::{
    Capability, ComponentInfo, Ctx, Interface, LinkError, Linker, PrepareError, Prepared, Verdict,
};
use tidegate_grant::Grant;

use crate::readings::Readings;
use crate::view::SystemData;

/// The capability `system`.
#[derive(Clone)]
pub struct System {
    readings: Arc<Mutex<Readings>>,
}

impl System {
    /// The node this host runs on.
    #[must_use]
    pub fn new() -> Self {
        Self { readings: Arc::new(Mutex::new(Readings::new())) }
    }

    /// Reads at most once a second.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&mut Readings, Instant) -> T) -> T {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        read(&mut readings, Instant::now())
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("System").finish_non_exhaustive()
    }
}

impl Capability for System {
    fn name(&self) -> &'static str {
        "system"
    }

    fn check(&self, interface: Interface<'_>, grant: &Grant) -> Option<Verdict> {
        (interface.name == "tidegate:host/system").then(|| match &grant.system {
            Some(origin) => Verdict::Granted(origin.clone()),
            None => Verdict::Missing("system = true".to_owned()),
        })
    }

    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError> {
        system::add_to_linker::<Ctx, SystemData>(linker, view::of).map_err(|source| LinkError::new(interface, source))
    }

    fn prepare(&self, _component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Prepared for System {
    fn attach(&self, ctx: &mut Ctx) {
        ctx.slots.insert(self.clone());
    }
}

#[cfg(test)]
mod tests;
