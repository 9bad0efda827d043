//! `Host`, `Origin`, preflight.

use std::sync::atomic::Ordering;

use super::{Running, running, start};
use crate::{Allow, Limits};

async fn get(server: &Running, host: &str, more: &str) -> String {
    server.raw(&format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n")).await
}

#[tokio::test]
async fn our_own_names_are_hosts() {
    let server = running().await;
    for host in ["HOST", "localhost:PORT", "LocalHost:PORT", "127.0.0.1:PORT", "[::1]:PORT"] {
        assert!(get(&server, host, "").await.starts_with("HTTP/1.1 200"), "{host}");
    }
}

#[tokio::test]
async fn other_hosts_are_refused_before_the_handler() {
    let server = running().await;
    for host in [
        "evil.example",
        "evil.example:PORT",
        "localhost",
        "localhost:1",
        "127.0.0.1.evil.example:PORT",
        "0.0.0.0:PORT",
        "[::1]",
        "",
    ] {
        let answer = get(&server, host, "").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{host}: {answer}");
        assert!(answer.contains("content-type: text/plain"));
        assert!(answer.contains("`allowed-hosts`"), "{answer}");
    }
    // The name in the request line counts as well, and two headers are one too many.
    let answer = server.raw("GET http://evil.example/ HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let answer = server.raw("GET / HTTP/1.1\r\nhost: HOST\r\nhost: HOST\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let answer = server.raw("GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(server.seen.started.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn hosts_and_origins_can_be_allowed() {
    let allow = Allow {
        hosts: vec!["Gateway.example.com".into(), "other.example:8443".into()],
        origins: vec!["https://app.example.com".into()],
    };
    let server = start(allow, Limits::default()).await;
    for host in ["gateway.example.com", "gateway.example.com:443", "GATEWAY.example.com:PORT", "other.example:8443"] {
        assert!(get(&server, host, "").await.starts_with("HTTP/1.1 200"), "{host}");
    }
    assert!(get(&server, "other.example", "").await.starts_with("HTTP/1.1 403"));
    let answer = get(&server, "HOST", "origin: https://app.example.com\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: https://app.example.com\r\n"), "{answer}");
    assert!(answer.contains("vary: origin\r\n"), "{answer}");
    assert!(get(&server, "HOST", "origin: http://app.example.com\r\n").await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn our_own_pages_are_origins_and_others_are_not() {
    let server = running().await;
    for origin in ["http://localhost:PORT", "https://127.0.0.1:PORT", "http://[::1]:PORT", "http://HOST"] {
        let answer = get(&server, "HOST", &format!("origin: {origin}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{origin}: {answer}");
    }
    let before = server.seen.started.load(Ordering::SeqCst);
    for origin in ["http://evil.example", "null", "http://localhost", "http://localhost:PORT.evil.example", "file://"] {
        let answer = get(&server, "HOST", &format!("origin: {origin}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{origin}: {answer}");
        assert!(answer.contains("`allowed-origins`"), "{answer}");
        assert!(!answer.contains("access-control"), "{answer}");
    }
    assert_eq!(server.seen.started.load(Ordering::SeqCst), before);
    assert!(!get(&server, "HOST", "").await.contains("access-control"));
}

#[tokio::test]
async fn preflights_are_answered_here() {
    let server = running().await;
    let ask = |origin: &str| {
        format!(
            "OPTIONS /serve HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\norigin: {origin}\r\n\
             access-control-request-method: POST\r\naccess-control-request-headers: content-type,x-method\r\n\r\n"
        )
    };
    let answer = server.raw(&ask("http://localhost:PORT")).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(answer.contains(&format!("access-control-allow-origin: http://localhost:{}\r\n", server.address.port())));
    assert!(answer.contains("access-control-allow-methods: POST\r\n"), "{answer}");
    assert!(answer.contains("access-control-allow-headers: content-type,x-method\r\n"), "{answer}");
    let answer = server.raw(&ask("http://evil.example")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(!answer.contains("access-control"), "{answer}");
    assert_eq!(server.seen.started.load(Ordering::SeqCst), 0);
    // Without an origin, OPTIONS is a request as others.
    let answer = server.raw("OPTIONS / HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n").await;
    assert!(answer.ends_with("OPTIONS / 0"), "{answer}");
}
