//! Connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::error::TransportError;
use crate::reach::Reach;
use crate::url::Origin;

/// Resolving, connecting and the handshake, each.
const CONNECT: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to an address that may be reached: for a redirect, `from` is how far inside the registry is and what it is
/// called. The connection goes to the address that was checked. Gives how far inside that is.
pub(crate) async fn connect(
    origin: &Origin,
    tls: &Arc<ClientConfig>,
    from: Option<(Reach, &str)>,
) -> Result<(Box<dyn Stream>, Reach), TransportError> {
    let host = origin.shown();
    let addresses = resolve(origin).await?;
    let may = |address: &SocketAddr| from.is_none_or(|(reach, _)| reach.may_lead_to(Reach::of(address.ip())));
    // One address that may not be reached makes the name suspicious: whoever owns it points it inside.
    if let (Some((_, registry)), Some(_)) = (from, addresses.iter().find(|address| !may(address))) {
        return Err(TransportError::Inward { from: registry.to_owned(), to: host });
    }
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                let stream: Box<dyn Stream> = match origin.tls {
                    true => Box::new(handshake(origin, tls, stream).await?),
                    false => Box::new(stream),
                };
                return Ok((stream, Reach::of(address.ip())));
            }
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(TransportError::Connect { host, source: failure })
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, TransportError> {
    let (host, port) = (origin.registry.host(), origin.port());
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = |source| TransportError::Resolve { host: origin.shown(), source };
    let found = timeout(CONNECT, tokio::net::lookup_host((host, port))).await;
    let found = found.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(failed)?;
    Ok(found.take(MAX_ADDRESSES).collect())
}

async fn handshake(
    origin: &Origin,
    tls: &Arc<ClientConfig>,
    stream: TcpStream,
) -> Result<impl Stream + use<>, TransportError> {
    let failed = |source| TransportError::Tls { host: origin.shown(), source };
    let name = ServerName::try_from(origin.registry.host().to_owned());
    let name = name.map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let connecting = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
    timeout(CONNECT, connecting).await.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(failed)
}
