//! The WASI 0.2 interfaces a component may use.
//!
//! Clocks, random numbers, pipes and the command line carry no authority, so everybody has them: standard input is
//! empty, there are no arguments, output goes to the node's log ([`tidegate_capability::GuestLog`]), and the environment
//! holds what policy grants. `wasi:filesystem` is always linked, because the standard libraries of most languages import
//! it; without a directory grant it has no directory to start from, and so opens nothing. `wasi:sockets` is never linked.

mod clock;
mod directories;
mod interfaces;
mod lines;
mod open;
mod prepared;

use std::sync::Arc;

use tidegate_capability::{Capability, ComponentInfo, Interface, LinkError, Linker, PrepareError, Prepared, Verdict};
use tidegate_grant::Grant;

use crate::clock::Timers;
use crate::prepared::PreparedWasi;

/// The capability `wasi`.
#[derive(Debug)]
pub struct Wasi {
    timers: Arc<Timers>,
}

impl Wasi {
    /// The capability; it keeps the timers of long waits.
    #[must_use]
    pub fn new() -> Self {
        Self { timers: Arc::new(Timers::new()) }
    }
}

impl Default for Wasi {
    fn default() -> Self {
        Self::new()
    }
}

impl Capability for Wasi {
    fn name(&self) -> &'static str {
        "wasi"
    }

    fn check(&self, interface: Interface<'_>, grant: &Grant) -> Option<Verdict> {
        interfaces::check(interface, grant)
    }

    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError> {
        interfaces::link(interface, linker).map_err(|source| LinkError::new(interface, source))
    }

    fn prepare(&self, component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError> {
        Ok(Arc::new(PreparedWasi::new(component, Arc::clone(&self.timers))?))
    }
}

#[cfg(test)]
mod tests;
