use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::{Component, send};

/// Outgoing requests of one instance.
pub(crate) struct GrantedHttp(pub(crate) Arc<Component>);

pub(crate) type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for GrantedHttp {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _consumed: Worker,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Worker), Error>> + Send> {
        let component = Arc::clone(&self.0);
        Box::new(send::send(component, request, options.unwrap_or_default()))
    }
}
