//! Where connections come from: an address of the network, or a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::Peer;

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
    /// Somebody listens at the socket.
    #[error("another program listens at the socket `{}`: stop it, or choose another path with `--listen unix:/PATH`", .0.display())]
    SocketInUse(PathBuf),
    /// Something else is at its path.
    #[error("`{}` is no socket, and is not replaced by one: choose another path with `--listen unix:/PATH`", .0.display())]
    NoSocket(PathBuf),
    /// The socket cannot be made.
    #[error("the socket `{}` cannot be made: its folder must be there, and be this user's to write", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn host(address: &SocketAddr) -> String {
    if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() }
}

/// A connection's bytes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Something that takes connections.
#[derive(Debug)]
pub(crate) enum Listener {
    /// On the network.
    Tcp(TcpListener, SocketAddr),
    /// At a path.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Goes with it.
        _file: Socket,
    },
}

/// A socket's file; goes with the listener.
#[derive(Debug)]
pub(crate) struct Socket(PathBuf);

/// A connection that was taken.
pub(crate) enum Accepted {
    /// From the network.
    Tcp(TcpStream, SocketAddr),
    /// From a process of this machine.
    Unix(UnixStream),
}

// === impl Listener ===

impl Listener {
    pub(crate) async fn tcp(address: SocketAddr) -> Result<Self, BindError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self::Tcp(listener, address))
        };
        bound.await.map_err(|source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address },
            io::ErrorKind::PermissionDenied => BindError::Denied { address },
            io::ErrorKind::AddrNotAvailable => BindError::NotOurs { address },
            _ => BindError::Other { address, source },
        })
    }

    pub(crate) async fn unix(path: &Path, mode: u32) -> Result<Self, BindError> {
        let failed = |source| BindError::Socket { path: path.to_owned(), source };
        match std::fs::symlink_metadata(path) {
            Ok(about) => {
                use std::os::unix::fs::FileTypeExt as _;
                if !about.file_type().is_socket() {
                    return Err(BindError::NoSocket(path.to_owned()));
                }
                if UnixStream::connect(path).await.is_ok() {
                    return Err(BindError::SocketInUse(path.to_owned()));
                }
                // Nobody listens: what a host left behind that did not end in order.
                std::fs::remove_file(path).map_err(failed)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let listener = bind_private(path, mode).map_err(failed)?;
        Ok(Self::Unix { listener, _file: Socket(path.to_owned()) })
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener, _) => listener.accept().await.map(|(stream, remote)| Accepted::Tcp(stream, remote)),
            Self::Unix { listener, .. } => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        }
    }
}

/// Made in a folder that only this user enters, and moved into place with its mode set: nobody connects before.
fn bind_private(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = beside.join(format!(".tidegate.{}", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let made = folder.join("socket");
    let bound = UnixListener::bind(&made).and_then(|listener| {
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(mode))?;
        std::fs::rename(&made, path)?;
        Ok(listener)
    });
    let _ = std::fs::remove_dir_all(&folder);
    bound
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

// === impl Accepted ===

impl Accepted {
    /// Says that there is no room; best effort: what does not fit the empty send buffer of a new connection is not worth
    /// waiting for.
    pub(crate) fn turn_away(&self, text: &[u8]) {
        let _ = match self {
            Self::Tcp(stream, _) => stream.try_write(text),
            Self::Unix(stream) => stream.try_write(text),
        };
    }

    /// Who is at the other end; nothing if it has gone.
    pub(crate) fn peer(&self, tls: bool) -> Option<Peer> {
        match self {
            Self::Tcp(stream, remote) => {
                // Answers go out at once: with Nagle's algorithm a small write waits for the client's delayed
                // acknowledgement, 40 ms.
                stream.set_nodelay(true).ok()?;
                Some(Peer::Network { remote: *remote, local: stream.local_addr().ok()?, tls })
            }
            Self::Unix(stream) => {
                let credentials = stream.peer_cred().ok()?;
                Some(Peer::Unix { uid: credentials.uid(), gid: credentials.gid() })
            }
        }
    }

    pub(crate) fn into_stream(self) -> Box<dyn Stream> {
        match self {
            Self::Tcp(stream, _) => Box::new(stream),
            Self::Unix(stream) => Box::new(stream),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Accepted, TcpListener, TcpStream};

    #[tokio::test]
    async fn small_writes_do_not_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, remote) = listener.accept().await.unwrap();
        let accepted = Accepted::Tcp(stream, remote);
        accepted.peer(false).unwrap();
        let Accepted::Tcp(stream, _) = accepted else { unreachable!() };
        assert!(stream.nodelay().unwrap());
    }
}
