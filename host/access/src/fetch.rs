//! Documents of authorization servers, over HTTPS; over HTTP from this machine only.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// From the first name to the last byte. Clients with an unknown key wait for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a document: sets of keys have a few thousand.
const LONGEST: usize = 256 << 10;

/// Certificates cannot be used as roots.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The text is not PEM.
    #[error("the root certificates for authorization servers are not readable as PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// TLS does not take them.
    #[error("the root certificates for authorization servers cannot be used")]
    Tls(#[from] rustls::Error),
}

/// A document cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("`{0}` is no https address, and not on this machine")]
    Address(String),
    #[error("no connection")]
    Connect(#[from] io::Error),
    #[error("no answer")]
    Http(#[from] hyper::Error),
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("the answer broke off, or has more than {LONGEST} bytes")]
    Body,
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Patience,
}

/// Fetches documents.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    tls: Arc<ClientConfig>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Fetcher {
    /// Believes the public roots, and these (PEM).
    pub(crate) fn new(roots: &[u8]) -> Result<Self, RootsError> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in CertificateDer::pem_slice_iter(roots) {
            store.add(certificate.map_err(RootsError::Pem)?)?;
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(config) })
    }

    /// Gets a document. Redirections are not followed: the address that was configured is the one that is believed.
    pub(crate) async fn get(&self, address: &str) -> Result<Bytes, FetchError> {
        tokio::time::timeout(PATIENCE, self.exchange(address)).await.map_err(|_| FetchError::Patience)?
    }

    async fn exchange(&self, address: &str) -> Result<Bytes, FetchError> {
        let wrong = || FetchError::Address(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream: Box<dyn Stream> = match scheme {
            "https" => {
                let tcp = TcpStream::connect((host, authority.port_u16().unwrap_or(443))).await?;
                let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
                Box::new(TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await?)
            }
            "http" => {
                let tcp = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
                // What the name led to counts, not the name.
                if !tcp.peer_addr()?.ip().to_canonical().is_loopback() {
                    return Err(wrong());
                }
                Box::new(tcp)
            }
            _ => return Err(wrong()),
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with this exchange, however that ends.
        let mut driving = tokio::task::JoinSet::new();
        driving.spawn(connection);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(HOST, authority.as_str())
            .header(ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())
            .map_err(|_| wrong())?;
        let answered = async {
            let response = sender.send_request(request).await?;
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(|_| FetchError::Body)?;
            Ok(body.to_bytes())
        };
        answered.await
    }
}
