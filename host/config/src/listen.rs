//! Where clients find the host.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// An address of the network, or a socket of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Address and port; port 0: any free one.
    Network(SocketAddr),
    /// The path of a Unix socket, absolute.
    Unix(PathBuf),
}

/// Longest path of a socket on Linux, in bytes, with room for the folder that it is made in.
const LONGEST_PATH: usize = 80;

impl Listen {
    pub(crate) fn standard() -> Self {
        Self::Network(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8765))
    }

    /// `127.0.0.1:8765`, `[::1]:8765`, `unix:/PATH`; a relative path starts from `folder`.
    pub(crate) fn read(text: &str, folder: &Path) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() || path.starts_with('~') {
                return Err(format!("`{text}` names no socket: write its whole path, `unix:/run/tidegate/node.sock`"));
            }
            let path = folder.join(path);
            if path.as_os_str().len() > LONGEST_PATH {
                return Err(format!(
                    "the path of the socket `{}` is too long: at most {LONGEST_PATH} bytes",
                    path.display()
                ));
            }
            return Ok(Self::Unix(path));
        }
        text.parse().map(Self::Network).map_err(|_| {
            format!(
                "`{text}` is not an address and a port: write `127.0.0.1:8765`, `[::1]:8765` (names are not resolved) or \
                 `unix:/PATH`"
            )
        })
    }

    /// Whether only this machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Network(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
