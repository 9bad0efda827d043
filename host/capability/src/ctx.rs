use std::fmt;
use std::future::Future;
use std::sync::Arc;

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use crate::{PrepareError, Prepared, Slots};

/// Handles that one instance may hold. Each is a small object in host memory, beside the memory limit; the runtime's own
/// bound of a million would be 100 MB.
const MAX_HANDLES: usize = 10_000;

/// The data of a store: one component instance and what the host keeps for it.
pub struct Ctx {
    /// Handles that the instance holds.
    pub table: ResourceTable,
    /// What capabilities and the router keep.
    pub slots: Slots,
    /// Bounds on memory, tables and instances.
    pub limiter: Box<dyn ResourceLimiter + Send + Sync>,
    /// The component's name, for logs and refusals.
    pub component: Arc<str>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Box<dyn WasiHttpHooks + Send + Sync>,
}

/// What a [`Ctx`] is made of.
pub struct CtxParts<'a> {
    /// The component's name.
    pub component: Arc<str>,
    /// Bounds on memory, tables and instances.
    pub limiter: Box<dyn ResourceLimiter + Send + Sync>,
    /// What the component's capabilities prepared.
    pub prepared: &'a [Arc<dyn Prepared>],
}

impl Ctx {
    /// Makes the data of one store.
    ///
    /// # Errors
    /// When something that was granted is gone.
    pub fn new(parts: CtxParts<'_>) -> Result<Self, PrepareError> {
        let mut builder = WasiCtx::builder();
        for prepared in parts.prepared {
            prepared.wasi(&mut builder)?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let mut ctx = Self {
            table,
            slots: Slots::default(),
            limiter: parts.limiter,
            component: parts.component,
            wasi: builder.build(),
            http: WasiHttpCtx::new(),
            hooks: Box::new(DeniedHttp),
        };
        for prepared in parts.prepared {
            prepared.attach(&mut ctx);
        }
        Ok(ctx)
    }

    /// Lets outgoing HTTP requests go through `hooks`.
    pub fn set_http(&mut self, hooks: Box<dyn WasiHttpHooks + Send + Sync>) {
        self.hooks = hooks;
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("component", &self.component).finish_non_exhaustive()
    }
}

impl WasiView for Ctx {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Ctx {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut *self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Outgoing HTTP for components without a network grant: refused. Such a component has no `outgoing-handler` linked
/// either; this stands where protocol components share `wasi:http/types`.
#[derive(Debug, Clone, Copy)]
pub struct DeniedHttp;

type Worker = Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>;

impl WasiHttpHooks for DeniedHttp {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _worker: Worker,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Worker), wasmtime_wasi_http::Error>> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}
