//! `tidegate:host/kv` on redb: one file for all namespaces of the node.
//!
//! Every change is made by one writer thread, which takes all changes that wait and commits them in one durable
//! transaction: what `set`, `delete` and `swap` acknowledged survives a crash of the host and of the machine, and ten
//! writers at once cost about as much as one. Reads run beside it on a consistent snapshot. How many bytes a namespace
//! holds is counted in the same transaction that changes it.

mod limits;
mod storage;
mod view;
mod writer;

use std::path::Path;
use std::sync::Arc;

use tidegate_bindings::host::tidegate::host::kv;
use tidegate_capability::{
    Capability, ComponentInfo, Ctx, Denials, Interface, LinkError, Linker, PrepareError, Prepared, Verdict,
};
use tidegate_durable::OpenError;
use tidegate_grant::Grant;

use crate::storage::Storage;
use crate::view::KvData;

/// The capability `kv`.
#[derive(Debug)]
pub struct Kv {
    storage: Arc<Storage>,
}

impl Kv {
    /// Opens `kv.redb` in the node's state directory, or creates it.
    ///
    /// # Errors
    /// When another process holds it, when it is damaged, or when the disk refuses.
    pub fn open(state: &Path) -> Result<Self, OpenError> {
        Ok(Self { storage: Arc::new(Storage::open(&state.join("kv.redb"))?) })
    }
}

/// What all instances of one component share.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Component>);

pub(crate) struct Component {
    pub(crate) grant: Arc<Grant>,
    pub(crate) denials: Denials,
    pub(crate) storage: Arc<Storage>,
}

impl Capability for Kv {
    fn name(&self) -> &'static str {
        "kv"
    }

    fn check(&self, interface: Interface<'_>, grant: &Grant) -> Option<Verdict> {
        (interface.name == "tidegate:host/kv").then(|| match grant.kv.first() {
            Some(namespace) => Verdict::Granted(namespace.origin.clone()),
            None => Verdict::Missing("kv = [{ namespace = \"NAME\", access = \"read-write\" }]".to_owned()),
        })
    }

    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError> {
        kv::add_to_linker::<Ctx, KvData>(linker, view::of).map_err(|source| LinkError::new(interface, source))
    }

    fn prepare(&self, component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError> {
        Ok(Arc::new(Shared(Arc::new(Component {
            grant: Arc::clone(&component.grant),
            denials: Denials::new(component),
            storage: Arc::clone(&self.storage),
        }))))
    }
}

impl Prepared for Shared {
    fn attach(&self, ctx: &mut Ctx) {
        ctx.slots.insert(self.clone());
    }
}

#[cfg(test)]
mod tests;
