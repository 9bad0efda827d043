#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use ::http::{Method, Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use tidegate_audit::{Audit, Event, Record, Sink};
use tidegate_capability::CtxParts;
use tidegate_grant::{Address, Destination, NetworkGrant, Origin};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::*;
use crate::destination::Target;

#[derive(Default)]
struct Recorded(Mutex<Vec<Event>>);

impl Sink for Recorded {
    fn write(&self, record: &Record) {
        self.0.lock().unwrap().push(record.event.clone());
    }
}

impl Recorded {
    /// The reason of the only refusal.
    fn reason(&self) -> String {
        match &self.0.lock().unwrap()[..] {
            [Event::Denied { reason, .. }] => reason.clone(),
            other => panic!("not one refusal: {other:?}"),
        }
    }
}

fn component(connect: &[String]) -> (Arc<Component>, Arc<Recorded>) {
    component_with(connect, &[])
}

/// A destination as a policy writes it. `localhost`, which a policy cannot name, stands here for a granted name whose
/// owner points it at this machine.
fn destination(text: &str) -> Destination {
    match text.strip_prefix("localhost:") {
        Some(port) => Destination { address: Address::Host("localhost".to_owned()), port: port.parse().ok() },
        None => text.parse().unwrap(),
    }
}

fn component_with(connect: &[String], roots: &[u8]) -> (Arc<Component>, Arc<Recorded>) {
    let origin = Origin { file: "p.toml".into(), line: 4 };
    let connect = connect.iter().map(|text| (destination(text), origin.clone())).collect();
    let grant = Arc::new(Grant { network: NetworkGrant { connect }, ..Grant::default() });
    let recorded = Arc::new(Recorded::default());
    let sink: Arc<dyn Sink> = Arc::clone(&recorded) as Arc<dyn Sink>;
    let info = ComponentInfo { name: "test".into(), grant: Arc::clone(&grant), audit: Audit::new(vec![sink]) };
    let tls = Arc::new(tls::config(roots).unwrap());
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    (Arc::new(Component { grant, denials: Denials::new(&info), tls, connections }), recorded)
}

fn body(text: &'static str) -> WasiBody {
    Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed_unsync()
}

fn request(uri: &str) -> Request<WasiBody> {
    Request::get(uri).body(body("")).unwrap()
}

/// Sends, reads the answer's body, and says what the server saw and answered.
async fn fetch(component: &Arc<Component>, request: Request<WasiBody>) -> Result<String, Error> {
    fetch_with(component, request, RequestOptions::default()).await
}

async fn fetch_with(
    component: &Arc<Component>,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<String, Error> {
    let (response, worker) = send::send(Arc::clone(component), request, options).await?;
    let (_head, body): (_, WasiBody) = Response::into_parts(response);
    let bytes = body.collect().await?.to_bytes();
    Pin::from(worker).await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

/// A server that answers each connection with the request's head, as it came.
async fn echo() -> u16 {
    serve(|mut stream| async move {
        let head = read_head(&mut stream).await;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{head}", head.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await
}

async fn serve<F: Future<Output = ()> + Send + 'static>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    port
}

async fn read_head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn an_address_is_reached_only_by_a_line_that_names_it_and_its_port() {
    let port = echo().await;
    let uri = format!("http://127.0.0.1:{port}/path?query");
    for granted in [format!("127.0.0.1:{port}"), format!("127.0.0.0/8:{port}"), "127.0.0.1:*".to_owned()] {
        let (component, recorded) = component(&[granted]);
        let head = fetch(&component, request(&uri)).await.unwrap();
        assert!(head.starts_with("GET /path?query HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{head}");
        assert!(recorded.0.lock().unwrap().is_empty());
    }
    for other in ["127.0.0.1:1".to_owned(), format!("10.0.0.0/8:{port}"), format!("*.example.com:{port}")] {
        let (component, recorded) = component(&[other]);
        let error = fetch(&component, request(&uri)).await.unwrap_err();
        assert!(matches!(error, Error::DestinationIpProhibited), "{error:?}");
        let reason = recorded.reason();
        assert!(reason.contains(&format!("network = [\"127.0.0.1:{port}\"]")), "{reason}");
    }
}

#[tokio::test]
async fn a_granted_name_does_not_reach_loopback_without_a_line_for_the_address() {
    let port = echo().await;
    let uri = format!("http://localhost:{port}/");
    let name = format!("localhost:{port}");
    let (only_name, recorded) = component(std::slice::from_ref(&name));
    let error = fetch(&only_name, request(&uri)).await.unwrap_err();
    assert!(matches!(error, Error::DestinationIpProhibited), "{error:?}");
    let reason = recorded.reason();
    assert!(reason.contains("resolves to") && reason.contains("network = [\""), "{reason}");
    let advised = reason.rsplit("network = [\"").next().unwrap().trim_end_matches("\"]").to_owned();
    let (advised, _) = component(&[name.clone(), advised, format!("127.0.0.1:{port}")]);
    fetch(&advised, request(&uri)).await.unwrap();
    let (range, _) = component(&[format!("127.0.0.0/8:{port}")]);
    let head = fetch(&range, request(&uri)).await.unwrap();
    assert!(head.contains(&format!("host: localhost:{port}\r\n")), "{head}");
}

#[tokio::test]
async fn a_name_that_is_not_granted_is_not_even_resolved() {
    let (none, recorded) = component(&["example.com:443".to_owned()]);
    let error = fetch(&none, request("https://data.attacker.invalid/")).await.unwrap_err();
    assert!(matches!(error, Error::HttpRequestDenied), "{error:?}");
    assert!(recorded.reason().contains("network = [\"data.attacker.invalid:443\"]"), "{}", recorded.reason());
    // Another port of a granted name, and the domain of a wildcard, are other destinations.
    let (some, _) = component(&["example.com:443".to_owned(), "*.example.org:443".to_owned()]);
    for uri in ["http://example.com/", "https://example.org/", "https://notexample.org/"] {
        let error = fetch(&some, request(uri)).await.unwrap_err();
        assert!(matches!(error, Error::HttpRequestDenied), "{uri}: {error:?}");
    }
    // A granted one is looked up: the difference is seen in the error.
    let (granted, _) = component(&["*.attacker.invalid:443".to_owned()]);
    let options = RequestOptions { connect_timeout: Some(Duration::from_secs(2)), ..RequestOptions::default() };
    let error = fetch_with(&granted, request("https://data.attacker.invalid/"), options).await.unwrap_err();
    assert!(matches!(error, Error::DnsError { .. } | Error::DnsTimeout), "{error:?}");
}

#[tokio::test]
async fn ipv4_in_ipv6_clothes_is_ipv4() {
    let port = echo().await;
    let (component, recorded) = component(&[format!("[::/0]:{port}")]);
    let uri = format!("http://[::ffff:127.0.0.1]:{port}/");
    let error = fetch(&component, request(&uri)).await.unwrap_err();
    assert!(matches!(error, Error::DestinationIpProhibited), "{error:?}");
    assert!(recorded.reason().contains(&format!("network = [\"127.0.0.1:{port}\"]")), "{}", recorded.reason());
}

#[test]
fn an_authority_is_read_as_it_is_written() {
    let target = |uri: &str| Target::of(&uri.parse().unwrap()).ok().map(|target| (target.host, target.port));
    let is = |host: &str, port| Some((host.to_owned(), port));
    assert_eq!(target("https://example.com/"), is("example.com", 443));
    assert_eq!(target("http://example.com:8080/"), is("example.com", 8080));
    assert_eq!(target("http://[::1]:80/"), is("::1", 80));
    assert_eq!(target("http://[::1]/"), is("::1", 80));
    assert_eq!(target("https://granted.example@attacker.example/"), None);
    assert_eq!(target("https://granted.example:443@attacker.example/"), None);
    assert_eq!(target("http://example.com:0/"), None);
    assert_eq!(target("http://example.com:99999/"), None);
}

#[tokio::test]
async fn the_host_header_is_that_of_the_checked_authority() {
    let port = echo().await;
    let (component, _) = component(&[format!("127.0.0.1:{port}")]);
    let mut tricked = request(&format!("http://127.0.0.1:{port}/"));
    tricked.headers_mut().append("host", "attacker.example".parse().unwrap());
    tricked.headers_mut().append("host", "other.example".parse().unwrap());
    let head = fetch(&component, tricked).await.unwrap();
    assert!(!head.contains("example") && head.matches("host:").count() == 1, "{head}");
    let mut tunnel = request(&format!("http://127.0.0.1:{port}/"));
    *tunnel.method_mut() = Method::CONNECT;
    let error = fetch(&component, tunnel).await.unwrap_err();
    assert!(matches!(error, Error::HttpRequestMethodInvalid), "{error:?}");
}

#[tokio::test]
async fn instances_send_through_the_checks_and_only_with_a_grant() {
    let port = echo().await;
    let http = Http::new(b"").unwrap();
    let (granted, _) = component(&[format!("127.0.0.1:{port}")]);
    for (grant, allowed) in [(Arc::clone(&granted.grant), true), (Arc::new(Grant::default()), false)] {
        let prepared = http.prepare(&ComponentInfo { name: "test".into(), grant, audit: Audit::none() }).unwrap();
        let limiter = Box::new(wasmtime::StoreLimits::default());
        let parts = CtxParts { component: "test".into(), limiter, prepared: &[prepared] };
        let mut ctx = Ctx::new(parts).unwrap();
        let request = request(&format!("http://127.0.0.1:{port}/"));
        let sent = ctx.http().hooks.send_request(request, None, Box::new(async { Ok(()) }));
        assert_eq!(Pin::from(sent).await.is_ok(), allowed);
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_not_a_journey() {
    let inner = echo().await;
    let port = serve(move |mut stream| async move {
        read_head(&mut stream).await;
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{inner}/\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let (component, _) = component(&[format!("127.0.0.1:{port}")]);
    let first = request(&format!("http://127.0.0.1:{port}/"));
    let (response, _worker) = send::send(Arc::clone(&component), first, RequestOptions::default()).await.unwrap();
    assert_eq!(response.status(), 302);
    let next = response.headers()["location"].to_str().unwrap().to_owned();
    let error = fetch(&component, request(&next)).await.unwrap_err();
    assert!(matches!(error, Error::DestinationIpProhibited), "{error:?}");
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    // Answers each piece of the request as soon as it is there: a body that was collected first would wait for ever.
    let port = serve(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        for piece in ["one", "two", "three"] {
            let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
            let mut seen = vec![0; chunk.len()];
            stream.read_exact(&mut seen).await.unwrap();
            assert_eq!(seen, chunk.as_bytes());
            stream.write_all(&seen).await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        stream.read_exact(&mut [0; 5]).await.unwrap();
    })
    .await;
    let (component, _) = component(&[format!("127.0.0.1:{port}")]);
    let (pieces, waiting) = tokio::sync::mpsc::channel::<&'static str>(1);
    let stream = futures::stream::unfold(waiting, |mut waiting| async move {
        let piece = waiting.recv().await?;
        Some((Ok::<_, Error>(Frame::data(Bytes::from_static(piece.as_bytes()))), waiting))
    });
    let request = Request::post(format!("http://127.0.0.1:{port}/")).body(StreamBody::new(stream).boxed_unsync());
    let sent = send::send(Arc::clone(&component), request.unwrap(), RequestOptions::default());
    let (response, _worker) = sent.await.unwrap();
    let mut body = response.into_body();
    for piece in ["one", "two", "three"] {
        pieces.send(piece).await.unwrap();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    drop(pieces);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_slow_server_is_not_waited_for_longer_than_asked() {
    let silent = serve(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let stuck = serve(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let (component, _) = component(&["127.0.0.1:*".to_owned()]);
    let short = Some(Duration::from_millis(100));
    let options = RequestOptions { first_byte_timeout: short, ..RequestOptions::default() };
    let error = fetch_with(&component, request(&format!("http://127.0.0.1:{silent}/")), options).await.unwrap_err();
    assert!(matches!(error, Error::HttpResponseTimeout), "{error:?}");
    let options = RequestOptions { between_bytes_timeout: short, ..RequestOptions::default() };
    let error = fetch_with(&component, request(&format!("http://127.0.0.1:{stuck}/")), options).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error:?}");
    // Their places are given back; without that, this waits for ever.
    let places = u32::try_from(MAX_CONNECTIONS).unwrap();
    drop(Arc::clone(&component.connections).acquire_many_owned(places).await.unwrap());
}

#[tokio::test]
async fn a_head_beyond_the_bound_is_refused_and_a_closed_port_is_named() {
    let port = serve(|mut stream| async move {
        read_head(&mut stream).await;
        let answer = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "x".repeat(100_000));
        // The client hangs up in the middle.
        _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let (component, _) = component(&["127.0.0.1:*".to_owned()]);
    let error = fetch(&component, request(&format!("http://127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(matches!(error, Error::HttpResponseHeaderSectionSize(_)), "{error:?}");
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = fetch(&component, request(&format!("http://{closed}/"))).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionRefused), "{error:?}");
}

#[tokio::test]
async fn connections_of_one_component_are_bounded() {
    let port = echo().await;
    let (component, _) = component(&[format!("127.0.0.1:{port}")]);
    let _all = Arc::clone(&component.connections).acquire_many_owned(64).await.unwrap();
    let options = RequestOptions { connect_timeout: Some(Duration::from_millis(50)), ..RequestOptions::default() };
    let error = fetch_with(&component, request(&format!("http://127.0.0.1:{port}/")), options).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionLimitReached), "{error:?}");
}

#[tokio::test]
async fn a_dead_address_does_not_hide_a_living_one() {
    let dead: SocketAddr = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let alive_at = alive.local_addr().unwrap();
    let stream = connect::dial(&[dead, alive_at]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), alive_at);
    assert_eq!(connect::dial(&[dead]).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(connect::dial(&[]).await.is_err());
}

const CA: &[u8] = include_bytes!("../testdata/ca.pem");

/// An HTTPS server with the test's certificate for `localhost`.
async fn https() -> u16 {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../testdata/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../testdata/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn tls_believes_only_the_roots_and_the_name() {
    let port = https().await;
    let granted = [format!("127.0.0.1:{port}")];
    let uri = format!("https://localhost:{port}/");
    let (trusting, _) = component_with(&granted, CA);
    // `localhost` needs a range to be resolved.
    let (trusting_range, _) = component_with(&[format!("127.0.0.0/8:{port}")], CA);
    assert_eq!(fetch(&trusting_range, request(&uri)).await.unwrap(), "secret");
    // The certificate is not for the address.
    let error = fetch(&trusting, request(&format!("https://127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(matches!(error, Error::TlsCertificateError), "{error:?}");
    let (doubting, _) = component(&[format!("127.0.0.0/8:{port}")]);
    let error = fetch(&doubting, request(&uri)).await.unwrap_err();
    assert!(matches!(error, Error::TlsCertificateError), "{error:?}");
}

#[test]
fn roots_are_read_or_refused() {
    assert!(Http::new(b"").is_ok());
    assert!(Http::new(CA).is_ok());
    assert!(Http::new(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
}

#[test]
fn only_sending_needs_a_grant() {
    let http = Http::new(b"").unwrap();
    let check = |import, grant: &Grant| http.check(Interface::parse(import), grant);
    let none = Grant::default();
    assert!(matches!(check("wasi:http/types@0.2.0", &none), Some(Verdict::Free(_))));
    let Some(Verdict::Missing(line)) = check("wasi:http/outgoing-handler@0.2.0", &none) else { panic!("not missing") };
    assert!(line.starts_with("network = ["), "{line}");
    assert!(matches!(check("wasi:http/types@0.3.0", &none), Some(Verdict::Missing(_))));
    assert_eq!(check("wasi:sockets/tcp@0.2.0", &none), None);
    let (granted, _) = component(&["example.com:443".to_owned()]);
    assert!(matches!(check("wasi:http/outgoing-handler@0.2.0", &granted.grant), Some(Verdict::Granted(_))));
    let mut linker = Linker::new(&wasmtime::Engine::default());
    for import in ["wasi:http/types@0.2.0", "wasi:http/types@0.2.6", "wasi:http/outgoing-handler@0.2.0"] {
        http.link(Interface::parse(import), &mut linker).unwrap();
    }
}
