//! Each bound of `Limits`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::{read_all, read_until, running, start};
use crate::{Allow, Limits};

const SHORT: Duration = Duration::from_millis(300);

async fn with(change: impl FnOnce(&mut Limits)) -> super::Running {
    let mut limits = Limits::default();
    change(&mut limits);
    start(Allow::default(), limits).await
}

#[tokio::test]
async fn a_slow_header_ends_the_connection() {
    let server = with(|limits| limits.header_timeout = SHORT).await;
    let mut stream = server.send("GET / HTTP/1.1\r\nhost: HOST\r\n").await;
    let drip = async {
        // Every byte is progress; the whole is not.
        loop {
            tokio::time::sleep(SHORT / 6).await;
            if stream.write_all(b"x: y\r\n").await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(super::SOON, drip).await.expect("the server gave up on the client");
    assert_eq!(server.seen.started.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_a_waiting_one_is_not() {
    let server = with(|limits| {
        limits.idle_timeout = SHORT;
        limits.header_timeout = SHORT;
    })
    .await;
    let mut silent = server.send("").await;
    assert_eq!(read_all(&mut silent).await, "");
    let mut stream = server.send("GET /wait HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    server.seen.began.notified().await;
    tokio::time::sleep(SHORT * 4).await;
    server.seen.go.notify_one();
    read_until(&mut stream, "GET /wait 0").await;
    assert_eq!(read_all(&mut stream).await, "", "closed when idle after the answer");
}

#[tokio::test]
async fn idle_is_not_cut_by_the_shorter_header_timeout() {
    let server = with(|limits| limits.header_timeout = SHORT).await;
    let mut stream = server.send("GET /a HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    read_until(&mut stream, "GET /a 0").await;
    tokio::time::sleep(SHORT * 3).await;
    stream.write_all(format!("GET /b HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).as_bytes()).await.unwrap();
    read_until(&mut stream, "GET /b 0").await;
}

#[tokio::test]
async fn headers_are_bounded_in_bytes_and_number() {
    let server = running().await;
    let answer = server.raw(&format!("GET / HTTP/1.1\r\nhost: HOST\r\nx: {}\r\n\r\n", "y".repeat(70_000))).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = server.raw(&format!("GET / HTTP/1.1\r\nhost: HOST\r\n{}\r\n", "x: y\r\n".repeat(101))).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(server.seen.started.load(Ordering::SeqCst), 0);
    let few = with(|limits| limits.max_headers = 2).await;
    let answer = few.raw("GET / HTTP/1.1\r\nhost: HOST\r\nx: y\r\nx: y\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let fits = format!("GET / HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\nx: {}\r\n\r\n", "y".repeat(30_000));
    assert!(server.raw(&fits).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_too_large_is_refused_before_or_while_it_is_read() {
    let server = with(|limits| limits.max_body = 10).await;
    let answer = server.raw("POST / HTTP/1.1\r\nhost: HOST\r\ncontent-length: 11\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("`max-body`"), "{answer}");
    assert_eq!(server.seen.started.load(Ordering::SeqCst), 0);

    let chunked = "POST / HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = server.raw(&format!("{chunked}6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let answer = server.raw(&format!("{chunked}6\r\n123456\r\n4\r\n1234\r\n0\r\n\r\n")).await;
    assert!(answer.ends_with("POST / 10"), "{answer}");
}

#[tokio::test]
async fn a_body_that_stalls_is_an_error_for_the_handler() {
    let server = with(|limits| limits.stall_timeout = SHORT).await;
    let answer = server.raw("POST / HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\ncontent-length: 5\r\n\r\n123").await;
    assert!(answer.contains("the client sent nothing of the request's body for 0.3 seconds"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_ends_the_connection() {
    let server = with(|limits| limits.stall_timeout = SHORT).await;
    let stream = server.send("GET /endless HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    let gone = tokio::time::timeout(super::SOON, server.seen.gone.notified()).await;
    gone.expect("the body of the answer is dropped while the client still holds the connection");
    drop(stream);
}

#[tokio::test]
async fn connections_are_capped_and_slots_come_back() {
    let server = with(|limits| limits.max_connections = 1).await;
    let mut first = server.send("GET /a HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    read_until(&mut first, "GET /a 0").await;
    let answer = read_all(&mut server.send("").await).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.ends_with("\r\n\r\ntoo many connections\n"));
    drop(first);
    let free = async {
        loop {
            let request = "GET /b HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n";
            if server.raw(request).await.ends_with("GET /b 0") {
                return;
            }
        }
    };
    tokio::time::timeout(super::SOON, free).await.expect("the slot comes back");
}
