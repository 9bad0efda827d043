//! Serving clients through protocol components.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tidegate_access::{Access, AccessError, AccessOptions};
use tidegate_grant::Principal;
use tidegate_router::StreamError;
use tidegate_supervisor::Component;
use tidegate_transport_http::{Allow, Drained, Limits, Server};

use crate::Host;
use crate::routes::Routes;
use crate::tls::{TlsFiles, TlsFilesError, TlsWatch};

/// Where HTTP is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address of the network; port 0 chooses one.
    Network(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its mode: who may connect.
        mode: u32,
    },
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Network(address)
    }
}

/// How HTTP is served.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// How clients prove who they are; none: nobody is asked, which loopback addresses only may do. At a Unix socket the
    /// kernel says it.
    pub access: Option<AccessOptions>,
    /// Certificate and key; none: no TLS, which loopback addresses only may do.
    pub tls: Option<TlsFiles>,
    /// Which `Host` and `Origin` headers are let through.
    pub allow: Allow,
    /// What a client may use.
    pub limits: Limits,
}

/// Clients cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Other machines could reach the address.
    #[error("`{address}` can be reached by other machines; that takes {missing}")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
        /// What is not given.
        missing: &'static str,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFilesError),
    /// Clients cannot be told apart.
    #[error(transparent)]
    Access(#[from] AccessError),
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

impl Host {
    /// Binds an address for HTTP. The address is bound when this returns, so a caller can print it; port 0 chooses one.
    ///
    /// # Errors
    /// When it cannot be bound, or other machines could reach it without TLS or without proving who they are.
    pub async fn bind_http(&self, address: impl Into<Address>, options: HttpOptions) -> Result<HttpServer, ServeError> {
        let address = address.into();
        let HttpOptions { access, tls, mut allow, limits } = options;
        if let Address::Network(address) = &address {
            check_reachable(*address, &tls, &access)?;
        }
        let access = access.map(|access| Access::new(access, &self.node.policy)).transpose()?;
        allow.hosts.extend(access.as_ref().and_then(Access::resource).and_then(host_of));
        let server = match &address {
            Address::Network(address) => Server::bind(*address, allow, limits).await?,
            Address::Unix { path, mode } => Server::bind_unix(path, *mode, allow, limits).await?,
        };
        let (server, watch) = match tls {
            Some(files) => {
                let watch = TlsWatch::start(files)?;
                (server.with_tls(watch.tls()), Some(watch))
            }
            None => (server, None),
        };
        let own = rustix::process::geteuid().as_raw();
        Ok(HttpServer { server, routes: Routes::new(self.clone(), access, own), _tls: watch })
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
    /// Looks for a new certificate as long as the server is there.
    _tls: Option<TlsWatch>,
}

impl HttpServer {
    /// The address it is bound to; none at a Unix socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.address()
    }

    /// Serves until `stop` is done, then finishes what runs, for at most the limit `drain`.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) -> Drained {
        self.server.serve(self.routes, stop).await
    }
}

/// What others reach has a certificate, and knows its clients.
fn check_reachable(
    address: SocketAddr,
    tls: &Option<TlsFiles>,
    access: &Option<AccessOptions>,
) -> Result<(), ServeError> {
    let identifies = access.as_ref().is_some_and(|access| access.keys.is_some() || access.tokens.is_some());
    let missing = match (address.ip().to_canonical().is_loopback(), tls, identifies) {
        (true, ..) | (false, Some(_), true) => return Ok(()),
        (false, None, true) => "a certificate and its key",
        (false, Some(_), false) => "a way for clients to prove who they are",
        (false, None, false) => "a certificate and its key, and a way for clients to prove who they are",
    };
    Err(ServeError::NotLoopback { address, missing })
}

/// The name that clients use, so that it need not be written twice.
fn host_of(resource: &str) -> Option<String> {
    let uri: http::Uri = resource.parse().ok()?;
    Some(uri.host()?.to_owned())
}
