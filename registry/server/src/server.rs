//! Connections: accepted, bounded, served, ended.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use crate::api::{App, Peer, router};
use crate::control::{self, ControlError};
use crate::settings::Settings;
use crate::slow::Impatient;
use crate::store::{Store, StoreError};
use crate::tls::{self, TlsError};

/// Bytes of a request's head, and read at once from a body.
const BUFFER: usize = 64 << 10;
/// Header fields of a request.
const MAX_HEADERS: usize = 100;
/// How long requests in flight may take when the registry ends.
const DRAIN: Duration = Duration::from_secs(10);
/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Rest after a connection could not be accepted, so that an exhausted system is not asked in a loop.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A registry that is ready to serve.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    tls: Option<TlsAcceptor>,
    settings: Settings,
    control: control::Listener,
}

/// Why a registry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Other machines would send tokens and components in the clear.
    #[error(
        "`{0}` can be reached from other machines, and there is no certificate: set `tls.certificate` and `tls.key`, listen \
         on `127.0.0.1`, or set `plain-http = true` if a proxy before it has the certificate"
    )]
    PlainHttp(SocketAddr),
    /// The address.
    #[error("cannot listen on `{address}`: is it taken by another program?")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The store.
    #[error("the registry's directory `{path}` cannot be used", path = .path.display())]
    Store {
        /// Which.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// The certificate.
    #[error("the registry has no usable certificate")]
    Tls(#[from] TlsError),
    /// The control socket.
    #[error("the registry cannot take commands")]
    Control(#[from] ControlError),
}

// === impl Server ===

impl Server {
    /// Opens the store, listens.
    ///
    /// # Errors
    /// Each says what to do about it.
    pub async fn bind(settings: Settings) -> Result<Self, BindError> {
        if !settings.listen.ip().is_loopback() && settings.tls.is_none() && !settings.plain_http {
            return Err(BindError::PlainHttp(settings.listen));
        }
        let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        let failed = |source| BindError::Store { path: settings.data.clone(), source };
        let store = Arc::new(Store::open(&settings.data).map_err(failed)?);
        let control = control::listen(&settings.data)?;
        let listening = |source| BindError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let app = Arc::new(App::new(store, &settings));
        Ok(Self { listener, address, app, tls, settings, control })
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it has a certificate.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `stop` is ready; requests in flight have ten seconds then.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { listener, app, tls, settings, control, .. } = self;
        let slots = Arc::new(Semaphore::new(settings.limits.connections));
        let (stopping, stopped) = watch::channel(false);
        let router = router(Arc::clone(&app));
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        let mut housekeeping = JoinSet::new();
        housekeeping.spawn(collect(Arc::clone(&app), settings.gc_every, settings.grace));
        housekeeping.spawn(control.serve(Arc::clone(&app), settings.grace));
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                sleep(ACCEPT_REST).await;
                continue;
            };
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
            let (app, router, settings) = (Arc::clone(&app), router.clone(), settings.clone());
            let (tls, stopped) = (tls.clone(), stopped.clone());
            connections.spawn(async move {
                app.metrics.connections.fetch_add(1, Ordering::Relaxed);
                connection(stream, peer, tls, router, &settings, stopped).await;
                app.metrics.connections.fetch_sub(1, Ordering::Relaxed);
                drop(slot);
            });
        }
        drop(listener);
        let _ = stopping.send(true);
        let _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
        connections.shutdown().await;
        housekeeping.shutdown().await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    settings: &Settings,
    stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for acknowledgements.
    let _ = stream.set_nodelay(true);
    let stream = Impatient::new(stream, settings.limits.silence);
    match tls {
        None => http(stream, peer, router, settings, stopped).await,
        Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => http(stream, peer, router, settings, stopped).await,
            _ => tracing::debug!(%peer, "no TLS handshake"),
        },
    }
}

async fn http<S>(stream: S, peer: SocketAddr, router: Router, settings: &Settings, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.limits.head)
        .max_buf_size(BUFFER)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = end_of(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}

/// Ready when the registry ends.
async fn end_of(stopped: &mut watch::Receiver<bool>) {
    // An error means that the registry is gone already.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Removes what nobody needs, from time to time.
async fn collect(app: Arc<App>, every: Duration, grace: Duration) {
    loop {
        sleep(every).await;
        let store = Arc::clone(&app.store);
        match tokio::task::spawn_blocking(move || store.collect(grace)).await {
            Ok(Ok(swept)) => {
                app.metrics.swept.fetch_add(swept.files, Ordering::Relaxed);
                tracing::info!(files = swept.files, bytes = swept.bytes, uploads = swept.uploads, "collected");
            }
            Ok(Err(error)) => tracing::error!(error = &error as &dyn std::error::Error, "the collection failed"),
            Err(error) => tracing::error!(%error, "the collection failed"),
        }
        app.forget_finished();
    }
}
