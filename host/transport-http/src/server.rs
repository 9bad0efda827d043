//! Listening, accepting, stopping.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::door::Door;
use crate::listener::{Listener, Stream};
use crate::{Allow, BindError, Handler, Limits, Peer, Tls, connection};

/// How long accepting rests when the system has no file descriptor left; trying again at once would only burn a core.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// What a client hears when there are too many connections.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
                      content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n\r\ntoo many connections\n";

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    tls: Option<Tls>,
    allow: Allow,
    limits: Limits,
}

/// TLS, and the handshakes that run.
#[derive(Clone)]
struct Handshakes {
    tls: Tls,
    slots: Arc<Semaphore>,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy after [`Limits::drain`] and were cut.
    pub cut: usize,
}

// === impl Server ===

impl Server {
    /// Starts to listen on `address`; port 0 lets the system choose. Whether an address that others can reach is wanted
    /// is the caller's to check.
    ///
    /// # Errors
    /// Each says what to do about it.
    pub async fn bind(address: SocketAddr, allow: Allow, limits: Limits) -> Result<Self, BindError> {
        Ok(Self { listener: Listener::tcp(address).await?, tls: None, allow, limits })
    }

    /// Starts to listen at a Unix socket of this mode. It is made anew where a host left one behind, and goes with the
    /// server. Pages in browsers do not reach it: any `Host` is as good as any other.
    ///
    /// # Errors
    /// Each says what to do about it.
    pub async fn bind_unix(path: &Path, mode: u32, allow: Allow, limits: Limits) -> Result<Self, BindError> {
        Ok(Self { listener: Listener::unix(path, mode).await?, tls: None, allow, limits })
    }

    /// Speaks TLS with everybody.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// The address, with the port that the system chose; none at a Unix socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listener::Tcp(_, address) => Some(*address),
            Listener::Unix { .. } => None,
        }
    }

    /// Serves until `stop` is ready, then closes the listener, lets requests in flight finish for at most
    /// [`Limits::drain`], and cuts what is left. Dropping the future cuts everything at once.
    pub async fn serve<H: Handler>(self, handler: H, stop: impl Future<Output = ()>) -> Drained {
        let door = Arc::new(Door::new(self.address(), &self.allow));
        let Self { listener, tls, limits, .. } = self;
        let slots = Arc::new(Semaphore::new(limits.max_connections));
        let tls = tls.map(|tls| Handshakes { tls, slots: Arc::new(Semaphore::new(limits.max_handshakes)) });
        let (stopping, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = listener.accept() => accepted,
            };
            let accepted = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    rest(&error).await;
                    continue;
                }
            };
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                if tls.is_none() {
                    accepted.turn_away(BUSY);
                }
                continue;
            };
            let Some(peer) = accepted.peer(tls.is_some()) else { continue };
            let (handler, door, tls, stopped) = (handler.clone(), Arc::clone(&door), tls.clone(), stopped.clone());
            connections.spawn(async move {
                let stream = accepted.into_stream();
                let stream = match tls {
                    None => Some(stream),
                    Some(handshakes) => handshakes.run(stream, peer, limits.handshake_timeout).await,
                };
                if let Some(stream) = stream {
                    connection::serve(stream, peer, handler, door, limits, stopped).await;
                }
                drop(slot);
            });
        }
        drop(listener);
        // An error means that no connection listens, which is what draining waits for.
        let _ = stopping.send(true);
        let _ = timeout(limits.drain, async { while connections.join_next().await.is_some() {} }).await;
        let cut = connections.len();
        connections.shutdown().await;
        Drained { cut }
    }
}

impl Handshakes {
    /// A handshake: one of so many at a time, and only so long. Nothing if it fails; a client hears from TLS why.
    async fn run(self, stream: Box<dyn Stream>, peer: Peer, limit: Duration) -> Option<Box<dyn Stream>> {
        let Ok(_slot) = self.slots.try_acquire() else {
            tracing::debug!(%peer, "too many handshakes at a time");
            return None;
        };
        match timeout(limit, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => Some(Box::new(stream)),
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "no TLS");
                None
            }
            Err(_) => {
                tracing::debug!(%peer, "the TLS handshake took too long");
                None
            }
        }
    }
}

async fn rest(error: &io::Error) {
    let gone = matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !gone {
        tracing::warn!(error = %error, "a connection could not be accepted");
        sleep(ACCEPT_REST).await;
    }
}
