//! `tidegate:gateway`: what protocol components may do on behalf of their clients.

mod calls;
mod catalog;
mod client;
mod mailboxes;
mod seal;

use std::sync::Arc;

use tidegate_bindings::gateway::tidegate::gateway as wit;
use tidegate_capability::{
    Capability, ComponentInfo, Ctx, Interface, LinkError, Linker, PrepareError, Prepared, Verdict,
};
use tidegate_grant::{Grant, Principal};
use wasmtime::component::{HasData, ResourceTable};

use crate::client::Client;
use crate::{Later, Router};

/// The capability of `tidegate:gateway`; granted by `gateway = true`.
#[derive(Clone, Default)]
pub struct GatewayCapability {
    later: Later,
}

struct Attach {
    later: Later,
}

/// What a store keeps for the gateway's interfaces.
struct Slot {
    router: Router,
}

struct Has;

/// The store's data as the gateway's interfaces see it.
struct View<'a> {
    table: &'a mut ResourceTable,
    component: Arc<str>,
    router: Option<Router>,
    client: Option<Client>,
    /// On whose behalf the instance works.
    principal: Principal,
}

impl GatewayCapability {
    /// For a router that comes later.
    #[must_use]
    pub fn new(later: Later) -> Self {
        Self { later }
    }
}

impl View<'_> {
    fn router(&self) -> wasmtime::Result<&Router> {
        self.router.as_ref().ok_or_else(|| wasmtime::Error::msg("the host is stopping"))
    }
}

impl HasData for Has {
    type Data<'a> = View<'a>;
}

fn view(ctx: &mut Ctx) -> View<'_> {
    let router = ctx.slots.get::<Slot>().map(|slot| slot.router.clone());
    let client = ctx.slots.get::<Client>().cloned();
    let principal = client.as_ref().map_or_else(Principal::nobody, |client| client.principal().clone());
    View { component: Arc::clone(&ctx.component), router, client, principal, table: &mut ctx.table }
}

impl Capability for GatewayCapability {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn check(&self, interface: Interface<'_>, grant: &Grant) -> Option<Verdict> {
        match interface.package() {
            "tidegate:gateway" => Some(match &grant.gateway {
                Some(origin) => Verdict::Granted(origin.clone()),
                None => Verdict::Missing("gateway = true".to_owned()),
            }),
            _ => None,
        }
    }

    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError> {
        let linked = match interface.name {
            "tidegate:gateway/catalog" => wit::catalog::add_to_linker::<_, Has>(linker, view),
            "tidegate:gateway/calls" => wit::calls::add_to_linker::<_, Has>(linker, view),
            "tidegate:gateway/seal" => wit::seal::add_to_linker::<_, Has>(linker, view),
            "tidegate:gateway/client" => wit::client::add_to_linker::<_, Has>(linker, view),
            "tidegate:gateway/mailboxes" => wit::mailboxes::add_to_linker::<_, Has>(linker, view),
            _ => Ok(()),
        };
        linked.map_err(|source| LinkError::new(interface, source))
    }

    fn prepare(&self, _component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError> {
        Ok(Arc::new(Attach { later: self.later.clone() }))
    }
}

impl Prepared for Attach {
    fn attach(&self, ctx: &mut Ctx) {
        if let Some(router) = self.later.get() {
            ctx.slots.insert(Slot { router });
        }
    }
}
