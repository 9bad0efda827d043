//! Whom we believe to be a host.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Extra roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The text is not PEM.
    #[error("the extra root certificates are not readable as PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// A block is no certificate that can be a root, or the cryptography offers no protocol version.
    #[error("an extra root certificate is not usable")]
    Certificate(#[source] rustls::Error),
}

/// The public authorities, and `extra` (PEM).
pub(crate) fn config(extra: &[u8]) -> Result<Arc<ClientConfig>, RootsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in CertificateDer::pem_slice_iter(extra) {
        roots.add(certificate.map_err(RootsError::Pem)?).map_err(RootsError::Certificate)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(RootsError::Certificate)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
