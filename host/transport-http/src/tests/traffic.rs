//! Ordinary traffic, disconnects, stopping.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::{SOON, read_all, read_until, running, start};
use crate::{Allow, BindError, Drained, Limits, Server};

#[tokio::test]
async fn a_real_client_keeps_its_connection() {
    let server = running().await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    for length in [0, 1, 100_000] {
        client.ready().await.unwrap();
        let request = Request::post("/serve")
            .header("host", server.address.to_string())
            .body(Full::new(Bytes::from(vec![7; length])))
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, format!("POST /serve {length}"));
    }
    assert!(!connection.is_finished());
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_handler_along() {
    let server = running().await;
    let stream = server.send("POST /wait HTTP/1.1\r\nhost: HOST\r\ncontent-length: 3\r\n\r\nabc").await;
    tokio::time::timeout(SOON, server.seen.began.notified()).await.unwrap();
    assert_eq!(server.seen.dropped.load(Ordering::SeqCst), 0);
    drop(stream);
    tokio::time::timeout(SOON, server.seen.gone.notified()).await.expect("the handler's future is dropped");
    assert_eq!(server.seen.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn events_arrive_before_the_end_and_end_with_the_client() {
    let server = running().await;
    let mut stream = server.send("GET /events/2 HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    let answer = read_until(&mut stream, "data: 0\n\n\r\n").await;
    assert!(answer.contains("data: 1\n\n"), "{answer}");
    assert_eq!(server.seen.dropped.load(Ordering::SeqCst), 0);
    drop(stream);
    tokio::time::timeout(SOON, server.seen.gone.notified()).await.expect("the body of the answer is dropped");
}

#[tokio::test]
async fn stopping_finishes_what_runs_and_takes_nothing_new() {
    let server = running().await;
    let mut idle = server.send("").await;
    let mut busy = server.send("GET /wait HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    tokio::time::timeout(SOON, server.seen.began.notified()).await.unwrap();
    server.stop.send(()).unwrap();
    assert_eq!(read_all(&mut idle).await, "", "an idle connection is closed at once");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    server.seen.go.notify_one();
    let answer = read_all(&mut busy).await;
    assert!(answer.ends_with("GET /wait 0"), "{answer}");
    let drained = tokio::time::timeout(SOON, server.ended).await.unwrap().unwrap();
    assert_eq!(drained, Drained { cut: 0 });
}

#[tokio::test]
async fn stopping_cuts_what_does_not_finish() {
    let limits = Limits { drain: Duration::from_millis(100), ..Limits::default() };
    let server = start(Allow::default(), limits).await;
    let mut busy = server.send("GET /wait HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    tokio::time::timeout(SOON, server.seen.began.notified()).await.unwrap();
    server.stop.send(()).unwrap();
    let drained = tokio::time::timeout(SOON, server.ended).await.unwrap().unwrap();
    assert_eq!(drained, Drained { cut: 1 });
    assert_eq!(server.seen.dropped.load(Ordering::SeqCst), 1);
    let mut rest = Vec::new();
    let _ = busy.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_port_in_use_is_explained() {
    let server = running().await;
    let error = Server::bind(server.address, Allow::default(), Limits::default()).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    let address = server.address;
    assert_eq!(
        error.to_string(),
        format!(
            "`{address}` is in use by another program; choose another port with `--listen 127.0.0.1:PORT`, or stop \
             that program"
        )
    );
    let error = Server::bind("192.0.2.1:8765".parse().unwrap(), Allow::default(), Limits::default()).await.unwrap_err();
    assert!(matches!(error, BindError::NotOurs { .. }), "{error}");
    assert!(error.to_string().ends_with("`--listen 127.0.0.1:8765` serves programs on this machine"), "{error}");
}
