//! Serving clients through protocol components.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tidegate_grant::Principal;
use tidegate_router::{HttpError, StreamError};
use tidegate_supervisor::Component;
use tidegate_transport_http::{Allow, Body, BodyError, BoxBody, Drained, Handler, Limits, Peer, Server};
use wasmtime_wasi_http::Error as WasiError;

use crate::Host;

/// How HTTP is served.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// Which `Host` and `Origin` headers are let through.
    pub allow: Allow,
    /// What a client may use.
    pub limits: Limits,
}

/// Clients cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Other machines could reach the address.
    #[error(
        "`{0}` can be reached by other machines, and this version has neither TLS nor authentication for them: listen on \
         127.0.0.1, and put a reverse proxy in front that has both"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be used.
    #[error(transparent)]
    Http(#[from] tidegate_transport_http::BindError),
    /// No component serves byte streams.
    #[error("no component serves byte streams: add a protocol component: its file is among the shipped components")]
    NoStream,
    /// Several components do.
    #[error("{0} serve byte streams: say which with `--protocol NAME`")]
    SeveralStreams(String),
    /// The component that serves the stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Standard input or output cannot be used.
    #[error(transparent)]
    Stdio(#[from] tidegate_transport_stdio::OpenError),
}

#[derive(Clone)]
struct Routes {
    host: Host,
}

impl Host {
    /// Binds an address for HTTP. The address is bound when this returns, so a caller can print it; port 0 chooses one.
    ///
    /// # Errors
    /// When it cannot be bound, or other machines could reach it: that takes TLS and authentication, which come first.
    pub async fn bind_http(&self, address: SocketAddr, options: HttpOptions) -> Result<HttpServer, ServeError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(ServeError::NotLoopback(address));
        }
        let server = Server::bind(address, options.allow, options.limits).await?;
        Ok(HttpServer { server, routes: Routes { host: self.clone() } })
    }

    /// Serves one client over standard input and output until the input ends, with the protocol component `protocol`, or
    /// the only one that serves byte streams.
    ///
    /// # Errors
    /// When there is no such component, or it fails.
    pub async fn serve_stdio(&self, protocol: Option<&str>) -> Result<(), ServeError> {
        let component = self.stream_component(protocol)?;
        let stdio = tidegate_transport_stdio::open()?;
        Ok(self.node.router.stream(&component, Principal::owner(), stdio.input, stdio.output).await?)
    }

    fn stream_component(&self, protocol: Option<&str>) -> Result<Arc<Component>, ServeError> {
        let catalog = self.node.router.catalog();
        let serving = catalog.components().iter().filter(|component| component.exports().stream.is_some());
        let wanted: Vec<_> = serving.filter(|component| protocol.is_none_or(|name| name == component.name())).collect();
        match wanted.as_slice() {
            [] => Err(ServeError::NoStream),
            [component] => Ok(Arc::clone(component)),
            several => {
                let names: Vec<_> = several.iter().map(|component| format!("`{}`", component.name())).collect();
                Err(ServeError::SeveralStreams(names.join(" and ")))
            }
        }
    }
}

/// A bound HTTP server.
pub struct HttpServer {
    server: Server,
    routes: Routes,
}

impl HttpServer {
    /// The address it is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Serves until `stop` is done, then finishes what runs, for at most the limit `drain`.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) -> Drained {
        self.server.serve(self.routes, stop).await
    }
}

impl Routes {
    /// The protocol component for a path: exactly one of the paths in its manifest. Of two the one added first.
    fn find(&self, path: &str) -> Option<Arc<Component>> {
        let catalog = self.host.node.router.catalog();
        let answers = |component: &&Arc<Component>| {
            let http = component.manifest().and_then(|manifest| manifest.http.as_ref());
            http.is_some_and(|http| http.paths.iter().any(|own| own == path))
        };
        catalog.components().iter().find(answers).cloned()
    }

    /// The paths that anybody answers, for people who took a wrong one.
    fn paths(&self) -> String {
        let catalog = self.host.node.router.catalog();
        let manifests = catalog.components().iter().filter_map(|component| component.manifest());
        let paths: Vec<_> =
            manifests.filter_map(|manifest| manifest.http.as_ref()).flat_map(|http| &http.paths).collect();
        match paths.as_slice() {
            [] => "no component serves HTTP".to_owned(),
            paths => paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", "),
        }
    }
}

impl Handler for Routes {
    type Error = WasiError;

    async fn handle(&self, _peer: Peer, request: http::Request<Body>) -> Response<BoxBody<WasiError>> {
        let response = self.answer(request).await;
        self.host.node.metrics.answered(response.status().as_u16());
        response
    }
}

impl Routes {
    async fn answer(&self, request: http::Request<Body>) -> Response<BoxBody<WasiError>> {
        let path = request.uri().path();
        match path {
            "/healthz" => return text(StatusCode::OK, "ok\n"),
            "/metrics" => return metrics(&self.host),
            _ => {}
        }
        let Some(component) = self.find(path) else {
            return text(StatusCode::NOT_FOUND, format!("nothing is served at `{path}`; here are: {}\n", self.paths()));
        };
        let request = request.map(|body| body.map_err(body_error));
        match self.host.node.router.http(&component, Principal::anonymous(), request).await {
            Ok(response) => response,
            Err(error) => failure(&error),
        }
    }
}

/// Why a request's body ends early, in the component's words.
fn body_error(error: BodyError) -> WasiError {
    match error {
        BodyError::TooLarge { limit } => WasiError::HttpRequestBodySize(Some(limit)),
        BodyError::Stalled { .. } => WasiError::ConnectionReadTimeout,
        BodyError::Broken(source) => WasiError::Hyper(source),
    }
}

fn failure(error: &HttpError) -> Response<BoxBody<WasiError>> {
    if error.is_busy() {
        return text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"));
    }
    tracing::warn!(%error, "a request was not answered");
    text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
}

/// Counts. Like `/healthz` it starts no component: it answers when all of them are busy.
fn metrics(host: &Host) -> Response<BoxBody<WasiError>> {
    let mut response = text(StatusCode::OK, host.metrics());
    let openmetrics = http::HeaderValue::from_static(tidegate_metrics::CONTENT_TYPE);
    response.headers_mut().insert(http::header::CONTENT_TYPE, openmetrics);
    response
}

fn text(status: StatusCode, text: impl Into<String>) -> Response<BoxBody<WasiError>> {
    let body = Full::new(bytes::Bytes::from(text.into())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
    response
}
