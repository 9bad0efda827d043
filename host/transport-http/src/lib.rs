//! HTTP bytes in and out: an HTTP/1.1 server that knows no path, no protocol and no component.
//!
//! [`Server::bind`] takes the address ([`Server::bind_unix`] a path), [`Server::with_tls`] a certificate, [`Server::serve`] hands every request that passed the door to a [`Handler`] and
//! its answer back. The door (see [`Allow`]) answers for itself what a browser on a foreign page could send: a `Host` or
//! an `Origin` that nobody allowed, and preflight requests.
//!
//! Every bound of [`Limits`] is kept here, so that a client can hold a connection, but neither memory nor a handler,
//! by sending slowly, sending much or going away. When a client disconnects, the handler's future is dropped.

mod again;
mod body;
mod connection;
mod door;
mod listener;
mod server;
mod tls;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

pub use body::{Body, BodyError};
pub use door::Allow;
pub use listener::BindError;
pub use server::{Drained, Server};
pub use tls::{Tls, TlsError};

/// The body of an answer. The error type is the handler's.
pub type BoxBody<E> = UnsyncBoxBody<Bytes, E>;

/// The two ends of the connection that a request came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over the network.
    Network {
        /// The client's address; with a reverse proxy in between, the proxy's.
        remote: SocketAddr,
        /// Our address, as the client reached it.
        local: SocketAddr,
        /// Whether TLS is between us.
        tls: bool,
    },
    /// From a process of this machine, through a Unix socket. The kernel says whose it is.
    Unix {
        /// The process's user.
        uid: u32,
        /// Its primary group.
        gid: u32,
    },
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { remote, .. } => remote.fmt(f),
            Self::Unix { uid, .. } => write!(f, "uid:{uid}"),
        }
    }
}

/// Answers requests.
pub trait Handler: Clone + Send + Sync + 'static {
    /// What may go wrong while the body of an answer is produced. The connection is then cut, because the status line is
    /// gone: the client sees an incomplete answer.
    type Error: Into<Box<dyn Error + Send + Sync>> + 'static;

    /// Answers one request. The future is dropped when the client disconnects, and the body of the answer too. While
    /// part of the request's body is still to come and the handler does not read it, a disconnect stays unseen: handlers
    /// need a deadline of their own.
    fn handle(
        &self,
        peer: Peer,
        request: http::Request<Body>,
    ) -> impl Future<Output = http::Response<BoxBody<Self::Error>>> + Send;
}

/// What a client may use. Every value is a bound on what it can make us hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte of a request to the end of its header. Without it, one byte a minute holds a connection.
    pub header_timeout: Duration,
    /// Without a request, before the connection is closed.
    pub idle_timeout: Duration,
    /// While the client owes the next part of a request's body, or does not take what is written to it. Without it, a
    /// body that never ends holds a handler until its deadline, and an answer that nobody reads holds a connection.
    pub stall_timeout: Duration,
    /// Bytes of a request's line and headers together; beyond: 431.
    pub max_header_bytes: usize,
    /// Headers of a request; beyond: 431.
    pub max_headers: usize,
    /// Bytes of a request's body; beyond: 413, before the body is read if its length is declared.
    pub max_body: u64,
    /// Connections at a time; beyond: 503 and closed. Each costs a few kilobytes and a file descriptor.
    pub max_connections: usize,
    /// For a TLS handshake, from the connection on. Without it, a client that says nothing holds a place.
    pub handshake_timeout: Duration,
    /// TLS handshakes at a time; beyond: closed. Each computes for about a millisecond, for clients that nobody knows yet.
    pub max_handshakes: usize,
    /// What requests in flight get to finish when the server stops.
    pub drain: Duration,
}

/// The defaults of the configuration file.
impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            stall_timeout: Duration::from_secs(30),
            max_header_bytes: 64 << 10,
            max_headers: 100,
            max_body: 16 << 20,
            max_connections: 1_024,
            handshake_timeout: Duration::from_secs(10),
            max_handshakes: 256,
            drain: Duration::from_secs(10),
        }
    }
}
