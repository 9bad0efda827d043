use std::fmt;
use std::sync::Arc;

use tidegate_audit::Audit;
use tidegate_grant::{Grant, Origin};
use wasmtime_wasi::WasiCtxBuilder;

use crate::{Ctx, Linker};

/// What a capability may know of a component.
#[derive(Debug, Clone)]
pub struct ComponentInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Everything it may do.
    pub grant: Arc<Grant>,
    /// Where refusals and revealed secrets are written.
    pub audit: Audit,
}

/// The name of an imported interface: `tidegate:host/kv`, and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface<'a> {
    /// Package and interface, without version: `wasi:io/poll`.
    pub name: &'a str,
    /// The version, if the import has one: `0.2.6`.
    pub version: Option<&'a str>,
}

/// Whether a grant covers an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everybody has it: it carries no authority. The text says why.
    Free(&'static str),
    /// A policy line grants it.
    Granted(Origin),
    /// Nothing grants it. The text is what one adds to the component's `[[grant]]` to permit it.
    Missing(String),
}

/// A set of host interfaces behind one kind of grant.
pub trait Capability: Send + Sync + 'static {
    /// Its name in listings: `kv`.
    fn name(&self) -> &'static str;

    /// Whether the grant covers an interface; nothing if the interface is not this capability's.
    fn check(&self, interface: Interface<'_>, grant: &Grant) -> Option<Verdict>;

    /// Adds an interface, for which `check` answered `Free` or `Granted`, to a component's linker. Called once for each
    /// interface that the component imports.
    ///
    /// # Errors
    /// When the runtime refuses it: a fault of this host.
    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError>;

    /// Does once what all instances of a component share.
    ///
    /// # Errors
    /// When something that was granted is not there; the component is refused with the message.
    fn prepare(&self, component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError>;
}

/// What a capability does for every store of one component.
pub trait Prepared: Send + Sync {
    /// Adds to the WASI context: directories, environment, output streams.
    ///
    /// # Errors
    /// When something that was granted is gone; the call fails with the message.
    fn wasi(&self, _builder: &mut WasiCtxBuilder) -> Result<(), PrepareError> {
        Ok(())
    }

    /// Puts what the interfaces need into the store's data.
    fn attach(&self, _ctx: &mut Ctx) {}
}

/// The runtime refused an interface.
#[derive(Debug, thiserror::Error)]
#[error("the host cannot offer `{interface}`")]
pub struct LinkError {
    /// The interface.
    pub interface: String,
    /// What the runtime says.
    #[source]
    pub source: wasmtime::Error,
}

/// Something that policy grants is not there.
#[derive(Debug, thiserror::Error)]
#[error("{what} (granted by {origin})")]
pub struct PrepareError {
    /// What is missing, for people: `the directory `/srv/data` does not exist`.
    pub what: String,
    /// The line that grants it.
    pub origin: Origin,
}

impl<'a> Interface<'a> {
    /// Splits an import's name. Imports that are no interface (a bare function) have no version.
    #[must_use]
    pub fn parse(import: &'a str) -> Self {
        match import.rsplit_once('@') {
            Some((name, version)) => Self { name, version: Some(version) },
            None => Self { name: import, version: None },
        }
    }

    /// The package: `wasi:io` of `wasi:io/poll`.
    #[must_use]
    pub fn package(&self) -> &'a str {
        self.name.split_once('/').map_or(self.name, |(package, _)| package)
    }
}

impl fmt::Display for Interface<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.version.map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

impl LinkError {
    /// Names the interface that the runtime refused.
    #[must_use]
    pub fn new(interface: Interface<'_>, source: wasmtime::Error) -> Self {
        Self { interface: interface.to_string(), source }
    }
}
