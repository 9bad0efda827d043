#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
//! Real sockets: bytes written by hand where bytes matter, hyper's client where a real one matters.

mod door;
mod limits;
mod secure;
mod traffic;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::{Allow, Body, BoxBody, Drained, Handler, Limits, Peer, Server};

/// How long a test waits for what must happen: generous, because machines are busy.
const SOON: Duration = Duration::from_secs(30);

/// Answers with method, path, and the body's length or what is wrong with it. `/wait` waits for `go`.
#[derive(Clone, Default)]
struct Echo(Arc<Seen>);

#[derive(Default)]
struct Seen {
    started: AtomicUsize,
    dropped: AtomicUsize,
    began: Notify,
    go: Notify,
    gone: Notify,
}

/// Counts handlers that ended before they answered.
struct Watch(Arc<Seen>, bool);

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dropped.fetch_add(1, Ordering::SeqCst);
            self.0.gone.notify_one();
        }
    }
}

/// A body without end.
struct Endless(#[allow(dead_code, reason = "counts when dropped")] Watch);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16_384])))))
    }
}

/// As many events, and then nothing, without an end.
struct Events(#[allow(dead_code, reason = "counts when dropped")] Watch, usize);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.1.checked_sub(1) else { return Poll::Pending };
        self.1 = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(format!("data: {left}\n\n"))))))
    }
}

impl Handler for Echo {
    type Error = Infallible;

    async fn handle(&self, peer: Peer, request: Request<Body>) -> Response<BoxBody<Infallible>> {
        match peer {
            Peer::Network { remote, .. } => assert!(remote.ip().is_loopback()),
            Peer::Unix { uid, gid } => assert_eq!((uid, gid), own_ids()),
        }
        self.0.started.fetch_add(1, Ordering::SeqCst);
        self.0.began.notify_one();
        let mut watch = Watch(Arc::clone(&self.0), false);
        let (head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes().len().to_string(),
            Err(error) => error.to_string(),
        };
        if head.uri.path() == "/wait" {
            self.0.go.notified().await;
        }
        if head.uri.path() == "/endless" {
            return Response::new(Endless(watch).boxed_unsync());
        }
        if let Some(events) = head.uri.path().strip_prefix("/events/") {
            return Response::new(Events(watch, events.parse().unwrap()).boxed_unsync());
        }
        watch.1 = true;
        let text = format!("{} {} {body}", head.method, head.uri.path());
        Response::new(Full::new(Bytes::from(text)).boxed_unsync())
    }
}

/// User and group of this process, as the kernel gives them to the owner of a fresh file.
fn own_ids() -> (u32, u32) {
    use std::os::unix::fs::MetadataExt as _;
    let about = tempfile::tempfile().unwrap().metadata().unwrap();
    (about.uid(), about.gid())
}

/// A running server.
struct Running {
    address: SocketAddr,
    seen: Arc<Seen>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
}

async fn start(allow: Allow, limits: Limits) -> Running {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), allow, limits).await.unwrap();
    let address = server.address().unwrap();
    let echo = Echo::default();
    let seen = Arc::clone(&echo.0);
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(server.serve(echo, async move {
        let _ = stopped.await;
    }));
    Running { address, seen, stop, ended }
}

async fn running() -> Running {
    start(Allow::default(), Limits::default()).await
}

impl Running {
    /// Sends bytes, with `HOST` replaced by the address, and reads until the server closes.
    async fn raw(&self, bytes: &str) -> String {
        let mut stream = self.send(bytes).await;
        read_all(&mut stream).await
    }

    async fn send(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let bytes = bytes.replace("HOST", &self.address.to_string()).replace("PORT", &self.address.port().to_string());
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let read = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the server closes");
    if let Err(error) = read {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(answer).unwrap()
}

/// Reads one answer whose body ends with `end`.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let mut buffer = [0; 1024];
        let length = tokio::time::timeout(SOON, stream.read(&mut buffer)).await.expect("an answer").unwrap();
        assert!(length > 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(answer).unwrap()
}
