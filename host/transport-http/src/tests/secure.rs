//! TLS and Unix sockets, with clients that check what they are given.

use std::os::unix::fs::PermissionsExt as _;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::{BindError, Tls, TlsError};

/// An authority that only a test believes.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Certificate and key of a server on this machine.
    fn server(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn tls(&self) -> Tls {
        let (certificate, key) = self.server();
        Tls::new(certificate.as_bytes(), key.as_bytes()).unwrap()
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

async fn secure(tls: Tls, limits: Limits) -> (SocketAddr, JoinHandle<Drained>) {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), Allow::default(), limits).await.unwrap().with_tls(tls);
    let address = server.address().unwrap();
    (address, tokio::spawn(server.serve(Echo::default(), std::future::pending())))
}

async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), host: &str) -> String {
    let request = format!("GET /a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the server closes").unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_client_that_believes_the_authority_is_served() {
    let authority = Authority::new();
    let (address, _server) = secure(authority.tls(), Limits::default()).await;
    let mut stream = authority.connect(address).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = ask(&mut stream, &format!("localhost:{}", address.port())).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("GET /a 0"), "{answer}");
    // The door is the same as without TLS.
    let mut stream = authority.connect(address).await.unwrap();
    assert!(ask(&mut stream, "evil.example").await.starts_with("HTTP/1.1 403"));
    Authority::new().connect(address).await.unwrap_err();
}

#[tokio::test]
async fn who_speaks_no_tls_or_nothing_is_closed() {
    let authority = Authority::new();
    let limits = Limits { handshake_timeout: Duration::from_millis(100), ..Limits::default() };
    let (address, _server) = secure(authority.tls(), limits).await;
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let answer = read_bytes(&mut plain).await;
    assert!(!answer.starts_with(b"HTTP"), "nothing is said in the clear");
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert!(read_bytes(&mut silent).await.is_empty());
    let mut stream = authority.connect(address).await.unwrap();
    assert!(ask(&mut stream, &format!("localhost:{}", address.port())).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn handshakes_at_a_time_are_counted() {
    let authority = Authority::new();
    let limits = Limits { max_handshakes: 2, ..Limits::default() };
    let (address, _server) = secure(authority.tls(), limits).await;
    let silent = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    // Both have their places once a third is turned away.
    while authority.connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    drop(silent);
    tokio::time::timeout(SOON, async {
        while authority.connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("their places are free again");
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_go_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let tls = old.tls();
    let (address, _server) = secure(tls.clone(), Limits::default()).await;
    let mut stream = old.connect(address).await.unwrap();
    let (certificate, key) = new.server();
    assert!(matches!(tls.replace(certificate.as_bytes(), b"no key"), Err(TlsError::Key(_))));
    assert!(matches!(tls.replace(old.server().0.as_bytes(), key.as_bytes()), Err(TlsError::Pair(_))), "of two pairs");
    assert!(matches!(tls.replace(b"", key.as_bytes()), Err(TlsError::NoCertificate)));
    old.connect(address).await.unwrap();
    tls.replace(certificate.as_bytes(), key.as_bytes()).unwrap();
    new.connect(address).await.unwrap();
    old.connect(address).await.unwrap_err();
    assert!(ask(&mut stream, &format!("localhost:{}", address.port())).await.starts_with("HTTP/1.1 200"));
}

async fn read_bytes(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is as good as an end.
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    bytes
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_knows_its_peer_and_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidegate.sock");
    for mode in [0o600, 0o660] {
        let server = Server::bind_unix(&path, mode, Allow::default(), Limits::default()).await.unwrap();
        assert_eq!(server.address(), None);
        let about = std::fs::metadata(&path).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, mode);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left of its making");
        let second = Server::bind_unix(&path, mode, Allow::default(), Limits::default()).await;
        assert!(matches!(second, Err(BindError::SocketInUse(_))));
        let serving = tokio::spawn(server.serve(Echo::default(), std::future::pending()));
        // The handler compares who the kernel says we are.
        let mut stream = UnixStream::connect(&path).await.unwrap();
        assert!(ask(&mut stream, "anything").await.starts_with("HTTP/1.1 200"));
        serving.abort();
        let _ = serving.await;
        assert!(!path.exists());
    }
    // What a host left behind is replaced, what is no socket is not.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    drop(Server::bind_unix(&path, 0o600, Allow::default(), Limits::default()).await.unwrap());
    std::fs::write(&path, "mine").unwrap();
    let refused = Server::bind_unix(&path, 0o600, Allow::default(), Limits::default()).await;
    assert!(matches!(refused, Err(BindError::NoSocket(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}
