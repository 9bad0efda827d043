//! `tidegate:host` log, config and secrets.
//!
//! The log is free and bounded; settings and secrets are those of the grant. Secrets' values come from where the node's
//! configuration says ([`SecretSource`]), are read when a component opens one, and are in no log and no `Debug` output.

mod secrets;
mod view;

use std::sync::Arc;

use tidegate_bindings::host::tidegate::host::{config, log, secrets as bindings};
use tidegate_capability::{
    Capability, ComponentInfo, Ctx, Denials, GuestLog, Interface, LinkError, Linker, PrepareError, Prepared, Verdict,
};
use tidegate_grant::Grant;

pub use crate::secrets::{SecretSource, Where};
use crate::view::HostData;

/// The capability `host`: log, config, secrets.
#[derive(Debug)]
pub struct Host {
    secrets: Arc<SecretSource>,
}

impl Host {
    /// Secrets come from `secrets`.
    #[must_use]
    pub fn new(secrets: SecretSource) -> Self {
        Self { secrets: Arc::new(secrets) }
    }
}

/// What all instances of one component share.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Component>);

pub(crate) struct Component {
    pub(crate) info: ComponentInfo,
    pub(crate) log: GuestLog,
    pub(crate) denials: Denials,
    pub(crate) secrets: Arc<SecretSource>,
}

impl Capability for Host {
    fn name(&self) -> &'static str {
        "host"
    }

    fn check(&self, interface: Interface<'_>, grant: &Grant) -> Option<Verdict> {
        match interface.name {
            "tidegate:host/log" => {
                Some(Verdict::Free("no authority: lines go to the node's log, bounded in length and rate"))
            }
            "tidegate:host/config" => Some(match grant.config.values().next() {
                Some(setting) => Verdict::Granted(setting.origin.clone()),
                None => Verdict::Free("no authority: reads only the settings that policy gives, and it gives none"),
            }),
            "tidegate:host/secrets" => Some(match grant.secrets.first() {
                Some(secret) => Verdict::Granted(secret.origin.clone()),
                None => Verdict::Missing("secrets = [\"NAME\"]".to_owned()),
            }),
            _ => None,
        }
    }

    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError> {
        let linked = match interface.name {
            "tidegate:host/log" => log::add_to_linker::<Ctx, HostData>(linker, view::of),
            "tidegate:host/config" => config::add_to_linker::<Ctx, HostData>(linker, view::of),
            "tidegate:host/secrets" => bindings::add_to_linker::<Ctx, HostData>(linker, view::of),
            _ => Err(wasmtime::format_err!("it is no interface of this capability")),
        };
        linked.map_err(|source| LinkError::new(interface, source))
    }

    fn prepare(&self, component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError> {
        for granted in &component.grant.secrets {
            if !self.secrets.knows(&granted.value) {
                tracing::warn!(
                    component = &*component.name,
                    secret = granted.value,
                    "a granted secret is not configured on this node ({})",
                    granted.origin
                );
            }
        }
        Ok(Arc::new(Shared(Arc::new(Component {
            info: component.clone(),
            log: GuestLog::new(Arc::clone(&component.name)),
            denials: Denials::new(component),
            secrets: Arc::clone(&self.secrets),
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
