//! TLS: certificate and key that can be replaced while the server runs, and the handshake.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A certificate and what the handshake takes: TLS 1.2 and 1.3, HTTP/1.1. Clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
    provider: Arc<CryptoProvider>,
}

struct Certificate(RwLock<Arc<CertifiedKey>>);

/// A certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The chain is no PEM.
    #[error("the certificates are not readable as PEM")]
    Chain(#[source] rustls::pki_types::pem::Error),
    /// There is none.
    #[error("there is no certificate in the file: `-----BEGIN CERTIFICATE-----` and so on, the server's own first")]
    NoCertificate,
    /// There is no key.
    #[error("there is no private key in the file: `-----BEGIN PRIVATE KEY-----` and so on")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// They do not belong together, or are of a kind that is not known.
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
}

impl Tls {
    /// A chain of certificates, the server's own first, and its private key, each as PEM.
    ///
    /// # Errors
    /// When they are no PEM or do not belong together.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair = pair(chain, key, &provider)?;
        let certificate = Arc::new(Certificate(RwLock::new(Arc::new(pair))));
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Certificate>::clone(&certificate));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate, provider })
    }

    /// Takes others from now on. Connections that stand go on.
    ///
    /// # Errors
    /// As [`Tls::new`]; then nothing has changed.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let pair = pair(chain, key, &self.provider)?;
        *self.certificate.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
        Ok(())
    }

    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }
}

fn pair(chain: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(TlsError::Chain)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Pair)
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}
