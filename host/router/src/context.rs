//! `tidegate:tool/context`: what a component can say and ask while a call runs.

use std::sync::Arc;

use tidegate_bindings::tool::tidegate::tool::context::{self as wit, Context, Host, HostContext};
use tidegate_bindings::types::content::Severity;
use tidegate_bindings::types::event::{Change, ClientFeatures, Message, Progress};
use tidegate_capability::{
    Capability, ComponentInfo, Ctx, Interface, LinkError, Linker, PrepareError, Prepared, Verdict,
};
use tidegate_grant::Grant;
use tidegate_supervisor::Component;
use wasmtime::Store;
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use crate::live::Live;
use crate::{Router, outcome};

/// Who runs a call, as the instance that runs it sees it.
#[derive(Clone)]
pub(crate) struct Caller {
    router: Router,
    component: Arc<Component>,
    live: Arc<Live>,
}

/// Waits for cancellation.
struct Cancellation(Arc<Live>);

/// The capability of `tidegate:tool/context`. Everybody has it: it reaches nothing but the call's own caller.
#[derive(Debug, Default, Clone, Copy)]
pub struct ContextCapability;

struct Has;

struct View<'a> {
    table: &'a mut ResourceTable,
}

impl Caller {
    pub(crate) fn new(router: &Router, component: &Arc<Component>, live: Arc<Live>) -> Self {
        Self { router: router.clone(), component: Arc::clone(component), live }
    }
}

/// Puts a handle of the call into an instance's table, and lends it for one call.
pub(crate) fn lend(store: &mut Store<Ctx>, caller: Caller) -> wasmtime::Result<(Resource<Caller>, Resource<Context>)> {
    let handle = store.data_mut().table.push(caller)?;
    let context = Resource::new_borrow(handle.rep());
    Ok((handle, context))
}

/// Takes the handle back after the call.
pub(crate) fn give_back(store: &mut Store<Ctx>, handle: Resource<Caller>) -> wasmtime::Result<()> {
    store.data_mut().table.delete(handle)?;
    Ok(())
}

impl View<'_> {
    fn caller(&self, context: &Resource<Context>) -> wasmtime::Result<&Caller> {
        Ok(self.table.get(&Resource::<Caller>::new_borrow(context.rep()))?)
    }
}

impl HasData for Has {
    type Data<'a> = View<'a>;
}

impl Host for View<'_> {}

impl HostContext for View<'_> {
    fn progress(
        &mut self,
        context: Resource<Context>,
        progress: f64,
        total: Option<f64>,
        message: Option<String>,
    ) -> wasmtime::Result<()> {
        self.caller(&context)?.live.progress(Progress { progress, total, message });
        Ok(())
    }

    fn log(
        &mut self,
        context: Resource<Context>,
        severity: Severity,
        logger: Option<String>,
        data: String,
    ) -> wasmtime::Result<()> {
        // What is no JSON is said as text: a log line is not worth a call.
        let data = match outcome::check_json("data", &data) {
            Ok(()) => data,
            Err(_) => serde_json::Value::String(data).to_string(),
        };
        self.caller(&context)?.live.message(Message { severity, logger, data });
        Ok(())
    }

    fn is_cancelled(&mut self, context: Resource<Context>) -> wasmtime::Result<bool> {
        Ok(self.caller(&context)?.live.is_cancelled())
    }

    fn cancelled(&mut self, context: Resource<Context>) -> wasmtime::Result<Resource<DynPollable>> {
        let cancellation = Cancellation(Arc::clone(&self.caller(&context)?.live));
        let cancellation = self.table.push(cancellation)?;
        subscribe(self.table, cancellation)
    }

    fn remaining(&mut self, context: Resource<Context>) -> wasmtime::Result<u64> {
        let remaining = self.caller(&context)?.live.remaining();
        Ok(u64::try_from(remaining.as_nanos()).unwrap_or(u64::MAX))
    }

    fn client(&mut self, context: Resource<Context>) -> wasmtime::Result<ClientFeatures> {
        Ok(self.caller(&context)?.live.client())
    }

    fn changed(&mut self, context: Resource<Context>, change: Change) -> wasmtime::Result<()> {
        let Caller { router, component, .. } = self.caller(&context)?.clone();
        match change {
            Change::Resource(_) => router.tell(&change),
            Change::Tools | Change::Prompts | Change::Resources => router.refresh_soon(&component),
        }
        Ok(())
    }

    fn drop(&mut self, _context: Resource<Context>) -> wasmtime::Result<()> {
        // Lent, never owned by a guest: the host takes it back itself.
        Ok(())
    }
}

#[async_trait]
impl Pollable for Cancellation {
    async fn ready(&mut self) {
        self.0.cancelled().await;
    }
}

impl Capability for ContextCapability {
    fn name(&self) -> &'static str {
        "context"
    }

    fn check(&self, interface: Interface<'_>, _grant: &Grant) -> Option<Verdict> {
        match interface.name {
            "tidegate:tool/context" => Some(Verdict::Free("reaches only the caller of the call")),
            _ if interface.package() == "tidegate:types" => Some(Verdict::Free("types, no functions")),
            _ => None,
        }
    }

    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError> {
        if interface.name != "tidegate:tool/context" {
            return Ok(());
        }
        wit::add_to_linker::<_, Has>(linker, |ctx| View { table: &mut ctx.table })
            .map_err(|source| LinkError::new(interface, source))
    }

    fn prepare(&self, _component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError> {
        Ok(Arc::new(Nothing))
    }
}

/// Nothing to put into a store.
pub(crate) struct Nothing;

impl Prepared for Nothing {}
