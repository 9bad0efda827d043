//! Listening, accepting, stopping.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::door::Door;
use crate::{Allow, Handler, Limits, Peer, connection};

/// How long accepting rests when the system has no file descriptor left; trying again at once would only burn a core.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// What a client hears when there are too many connections.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
                      content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n\r\ntoo many connections\n";

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    allow: Allow,
    limits: Limits,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy after [`Limits::drain`] and were cut.
    pub cut: usize,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there.
    #[error("`{address}` is in use by another program; choose another port with `--listen {ip}:PORT`, or stop that \
             program", ip = host(.address))]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let us.
    #[error("this user may not listen on `{address}`; ports below 1024 are for the administrator: choose another with \
             `--listen {ip}:8765`", ip = host(.address))]
    Denied {
        /// The address.
        address: SocketAddr,
    },
    /// No interface of this machine has the address.
    #[error("`{address}` is no address of this machine; `--listen 127.0.0.1:{port}` serves programs on this machine", port = .address.port())]
    NotOurs {
        /// The address.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("`{address}` cannot be listened on")]
    Other {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

fn host(address: &SocketAddr) -> String {
    if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() }
}

// === impl Server ===

impl Server {
    /// Starts to listen on `address`; port 0 lets the system choose. Whether an address that others can reach is wanted
    /// is the caller's to check.
    ///
    /// # Errors
    /// Each says what to do about it.
    pub async fn bind(address: SocketAddr, allow: Allow, limits: Limits) -> Result<Self, BindError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address, allow, limits })
        };
        bound.await.map_err(|source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address },
            io::ErrorKind::PermissionDenied => BindError::Denied { address },
            io::ErrorKind::AddrNotAvailable => BindError::NotOurs { address },
            _ => BindError::Other { address, source },
        })
    }

    /// The address, with the port that the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, then closes the listener, lets requests in flight finish for at most
    /// [`Limits::drain`], and cuts what is left. Dropping the future cuts everything at once.
    pub async fn serve<H: Handler>(self, handler: H, stop: impl Future<Output = ()>) -> Drained {
        let Self { listener, address, allow, limits } = self;
        let door = Arc::new(Door::new(address, &allow));
        let slots = Arc::new(Semaphore::new(limits.max_connections));
        let (stopping, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, remote) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    rest(&error).await;
                    continue;
                }
            };
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                // Best effort: what does not fit the empty send buffer of a new connection is not worth waiting for.
                let _ = stream.try_write(BUSY);
                continue;
            };
            let Some(peer) = prepare(&stream, remote) else { continue };
            let serve = connection::serve(stream, peer, handler.clone(), Arc::clone(&door), limits, stopped.clone());
            connections.spawn(async move {
                serve.await;
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

/// Answers go out at once: with Nagle's algorithm a small write waits for the client's delayed acknowledgement, 40 ms.
fn prepare(stream: &TcpStream, remote: SocketAddr) -> Option<Peer> {
    stream.set_nodelay(true).ok()?;
    Some(Peer { remote, local: stream.local_addr().ok()? })
}

async fn rest(error: &io::Error) {
    let gone = matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !gone {
        tracing::warn!(error = %error, "a connection could not be accepted");
        sleep(ACCEPT_REST).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{TcpListener, TcpStream, prepare};

    #[tokio::test]
    async fn small_writes_do_not_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, remote) = listener.accept().await.unwrap();
        prepare(&stream, remote).unwrap();
        assert!(stream.nodelay().unwrap());
    }
}
