//! `wasi:http` outgoing requests, within a component's grant.
//!
//! `wasi:http/types` is free: it makes and reads messages. A request goes out only through `outgoing-handler`, which a
//! network grant links, and then only so: the name must be granted before it is resolved (a look-up is a message to
//! whoever owns the name), every address it resolves to is checked, and the connection goes to an address that was
//! checked, which nobody resolves again. Redirects are answers like others: a component that follows one makes a new
//! request, which is checked anew.

mod body;
mod connect;
mod destination;
mod failure;
mod hooks;
mod send;
mod tls;

use std::sync::Arc;

use tidegate_capability::{
    Capability, ComponentInfo, Ctx, Denials, Interface, LinkError, Linker, PrepareError, Prepared, Verdict,
};
use tidegate_grant::Grant;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::p2::bindings::{LinkOptions, http};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView as _};

use crate::hooks::GrantedHttp;
pub use crate::tls::RootsError;

/// Connections of one component at once; more wait until their connect timeout. Without a bound one component could use
/// up the host's file descriptors.
pub const MAX_CONNECTIONS: usize = 64;

/// The capability `http`.
pub struct Http {
    tls: Arc<rustls::ClientConfig>,
}

impl Http {
    /// Servers are believed if the roots of the Mozilla programme vouch for them, or one of `extra_roots` (certificates
    /// in PEM; empty: none), for a private authority.
    ///
    /// # Errors
    /// When `extra_roots` holds something that is no certificate.
    pub fn new(extra_roots: &[u8]) -> Result<Self, RootsError> {
        Ok(Self { tls: Arc::new(tls::config(extra_roots)?) })
    }
}

/// What all instances of one component share.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Component>);

pub(crate) struct Component {
    pub(crate) grant: Arc<Grant>,
    pub(crate) denials: Denials,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) connections: Arc<Semaphore>,
}

impl Capability for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn check(&self, interface: Interface<'_>, grant: &Grant) -> Option<Verdict> {
        let verdict = match interface.name {
            "wasi:http/types" => Verdict::Free("no authority: makes and reads messages, sends none"),
            "wasi:http/outgoing-handler" => match grant.network.connect.first() {
                Some((_, origin)) => Verdict::Granted(origin.clone()),
                None => Verdict::Missing("network = [\"HOST:443\"]".to_owned()),
            },
            _ => return None,
        };
        match interface.version {
            Some(version) if !version.starts_with("0.2.") => Some(Verdict::Missing(format!(
                "nothing permits `{interface}`: this host offers WASI 0.2; build the component for wasm32-wasip2"
            ))),
            _ => Some(verdict),
        }
    }

    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError> {
        // A component may import several versions of one interface; all are served by the newest.
        linker.allow_shadowing(true);
        let linked = match interface.name {
            "wasi:http/types" => {
                http::types::add_to_linker::<Ctx, WasiHttp>(linker, &LinkOptions::default().into(), Ctx::http)
            }
            "wasi:http/outgoing-handler" => http::outgoing_handler::add_to_linker::<Ctx, WasiHttp>(linker, Ctx::http),
            _ => Err(wasmtime::format_err!("it is no interface of this capability")),
        };
        linker.allow_shadowing(false);
        linked.map_err(|source| LinkError::new(interface, source))
    }

    fn prepare(&self, component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError> {
        Ok(Arc::new(Shared(Arc::new(Component {
            grant: Arc::clone(&component.grant),
            denials: Denials::new(component),
            tls: Arc::clone(&self.tls),
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        }))))
    }
}

impl Prepared for Shared {
    fn attach(&self, ctx: &mut Ctx) {
        if !self.0.grant.network.connect.is_empty() {
            ctx.set_http(Box::new(GrantedHttp(Arc::clone(&self.0))));
        }
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
