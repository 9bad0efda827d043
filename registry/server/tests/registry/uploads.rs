//! Uploads: in pieces, interrupted, resumed, wrong, too many.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tidegate_reference::Digest;
use tidegate_registry_server::{Permission, Store};

use crate::common::{Answer, Registry, files};

fn started(registry: &Registry) -> (String, String) {
    let token = registry.token("push", "*", Permission::Admin);
    let begun = registry.ask(&token, "POST", "/v2/acme/tool/blobs/uploads/", &[], b"");
    assert_eq!((begun.status, begun.header("range")), (202, "0-0"), "{}", begun.text());
    let location = begun.header("location").to_owned();
    (token, location)
}

#[test]
fn a_blob_comes_in_pieces() {
    let registry = Registry::start();
    let (token, to) = started(&registry);
    let first = registry.ask(&token, "PATCH", &to, &[("Content-Range", "0-4")], b"hello");
    assert_eq!((first.status, first.header("range")), (202, "0-4"));
    let again = registry.ask(&token, "PATCH", &to, &[("Content-Range", "0-4")], b"hello");
    again.is(416, "BLOB_UPLOAD_INVALID", "5 bytes have arrived");
    assert_eq!(again.header("range"), "0-4");
    let gap = registry.ask(&token, "PATCH", &to, &[("Content-Range", "7-8")], b"xx");
    gap.is(416, "BLOB_UPLOAD_INVALID", "5 bytes have arrived");
    let lie = registry.ask(&token, "PATCH", &to, &[("Content-Range", "5-9")], b"xx");
    lie.is(400, "SIZE_INVALID", "do not agree");
    let status = registry.get(&token, &to);
    assert_eq!((status.status, status.header("range")), (204, "0-4"));
    let digest = Digest::of(b"hello, world");
    let done = registry.ask(&token, "PUT", &format!("{to}?digest={digest}"), &[("Content-Range", "5-11")], b", world");
    assert_eq!(
        (done.status, done.header("docker-content-digest")),
        (201, digest.to_string().as_str()),
        "{}",
        done.text()
    );
    let blob = format!("/v2/acme/tool/blobs/{digest}");
    assert_eq!(registry.get(&token, &blob).body, b"hello, world");
    let head = registry.ask(&token, "HEAD", &blob, &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, "12"));
    let part = registry.ask(&token, "GET", &blob, &[("Range", "bytes=7-")], b"");
    assert_eq!(
        (part.status, part.header("content-range"), part.body.as_slice()),
        (206, "bytes 7-11/12", &b"world"[..])
    );
    let beyond = registry.ask(&token, "GET", &blob, &[("Range", "bytes=12-")], b"");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */12"));
    registry.get(&token, &to).is(404, "BLOB_UPLOAD_UNKNOWN", "");
}

#[test]
fn in_one_request_and_cancelled() {
    let registry = Registry::start();
    let (token, to) = started(&registry);
    let digest = Digest::of(b"at once");
    let done = registry.ask(&token, "POST", &format!("/v2/acme/tool/blobs/uploads/?digest={digest}"), &[], b"at once");
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!(registry.ask(&token, "DELETE", &to, &[], b"").status, 204);
    registry.ask(&token, "PATCH", &to, &[], b"x").is(404, "BLOB_UPLOAD_UNKNOWN", "");
    assert!(files(&registry.folder.path().join("uploads")).is_empty());
}

#[test]
fn wrong_bytes_are_not_kept() {
    let registry = Registry::start();
    let (token, to) = started(&registry);
    let digest = Digest::of(b"right");
    let done = registry.ask(&token, "PUT", &format!("{to}?digest={digest}"), &[], b"wrong");
    done.is(400, "DIGEST_INVALID", &Digest::of(b"wrong").to_string());
    registry.get(&token, &format!("/v2/acme/tool/blobs/{digest}")).is(404, "BLOB_UNKNOWN", "");
    let (_, to) =
        (0, registry.ask(&token, "POST", "/v2/acme/tool/blobs/uploads/", &[], b"").header("location").to_owned());
    registry.ask(&token, "PUT", &to, &[], b"x").is(400, "DIGEST_INVALID", "no `digest`");
    let sha512 = format!("{to}?digest=sha512:{}", "0".repeat(128));
    registry.ask(&token, "PUT", &sha512, &[], b"x").is(400, "DIGEST_INVALID", "sha256:");
    assert!(files(&registry.folder.path().join("blobs")).is_empty());
}

#[test]
fn a_broken_connection_leaves_what_arrived() {
    let registry = Registry::start();
    let (token, to) = started(&registry);
    let mut stream = TcpStream::connect(registry.address).unwrap();
    let head = format!("PATCH {to} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 1000\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[b'a'; 600]).unwrap();
    drop(stream);
    // The answer waits for the request that is ending.
    let mut status = registry.get(&token, &to);
    for _ in 0..100 {
        if status.header("range") == "0-599" {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        status = registry.get(&token, &to);
    }
    assert_eq!(status.header("range"), "0-599", "{}", status.text());
    let whole = [b'a'; 1000];
    let digest = Digest::of(&whole);
    let done =
        registry.ask(&token, "PUT", &format!("{to}?digest={digest}"), &[("Content-Range", "600-999")], &whole[600..]);
    assert_eq!(done.status, 201, "{}", done.text());
}

#[test]
fn an_upload_goes_on_after_a_restart() {
    let registry = Registry::start();
    let (token, to) = started(&registry);
    assert_eq!(registry.ask(&token, "PATCH", &to, &[], b"before, ").status, 202);
    let registry = Registry::at(registry.end(), |_| {});
    let status = registry.get(&token, &to);
    assert_eq!((status.status, status.header("range")), (204, "0-7"), "{}", status.text());
    let digest = Digest::of(b"before, after");
    let done = registry.ask(&token, "PUT", &format!("{to}?digest={digest}"), &[], b"after");
    assert_eq!(done.status, 201, "{}", done.text());
}

#[test]
fn a_client_that_stalls_is_let_go() {
    let registry = Registry::with(|settings| {
        settings.limits.silence = Duration::from_millis(300);
        settings.limits.head = Duration::from_millis(300);
    });
    let (token, to) = started(&registry);
    let mut stream = TcpStream::connect(registry.address).unwrap();
    let head = format!("PATCH {to} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 1000\r\n\r\nabc");
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    Answer::read(stream, "PATCH").is(408, "BLOB_UPLOAD_INVALID", "resumed");
    assert_eq!(registry.get(&token, &to).header("range"), "0-2");
    let mut stream = TcpStream::connect(registry.address).unwrap();
    stream.write_all(b"GET /v2/ HT").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut answer = Vec::new();
    let ended = std::io::Read::read_to_end(&mut stream, &mut answer);
    assert!(
        ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset),
        "it hangs up"
    );
}

#[test]
fn quotas_and_sizes_are_bounds() {
    let registry = Registry::with(|settings| {
        settings.quotas.default = 100;
        settings.quotas.namespaces.insert("big".to_owned(), 1_000_000);
        settings.limits.max_blob = 500;
        settings.limits.open_uploads = 3;
    });
    let (token, to) = started(&registry);
    let big = [0_u8; 101];
    let digest = Digest::of(&big);
    registry.ask(&token, "PUT", &format!("{to}?digest={digest}"), &[], &big).is(403, "DENIED", "may keep 100");
    // Also when nobody says beforehand how much comes.
    let chunked = ("Transfer-Encoding", "chunked");
    let piece = [b"65\r\n".as_slice(), &big, b"\r\n0\r\n\r\n"].concat();
    let mut stream = TcpStream::connect(registry.address).unwrap();
    let head =
        format!("PATCH {to} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n{}: {}\r\n\r\n", chunked.0, chunked.1);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&piece).unwrap();
    Answer::read(stream, "PATCH").is(413, "SIZE_INVALID", "more than 100 bytes");
    registry.push_blob(&token, "acme/tool", &[1; 60]);
    let begun = registry.ask(&token, "POST", "/v2/acme/tool/blobs/uploads/", &[], b"");
    let more = [2_u8; 60];
    let to = format!("{}?digest={}", begun.header("location"), Digest::of(&more));
    registry.ask(&token, "PUT", &to, &[], &more).is(403, "DENIED", "keeps 60 bytes and may keep 100");
    let begun = registry.ask(&token, "POST", "/v2/big/tool/blobs/uploads/", &[], b"");
    let large = [3_u8; 501];
    registry.ask(&token, "PATCH", begun.header("location"), &[], &large).is(413, "SIZE_INVALID", "permit 500");
    for _ in 0..2 {
        assert_eq!(registry.ask(&token, "POST", "/v2/big/tool/blobs/uploads/", &[], b"").status, 202);
    }
    let many = registry.ask(&token, "POST", "/v2/big/tool/blobs/uploads/", &[], b"");
    many.is(429, "TOOMANYREQUESTS", "3 open uploads");
    // What is deleted can be used again.
    let blob = format!("/v2/acme/tool/blobs/{}", Digest::of(&[1; 60]));
    assert_eq!(registry.ask(&token, "DELETE", &blob, &[], b"").status, 202);
    registry.push_blob(&token, "acme/tool", &[4; 90]);
}

#[test]
fn only_so_many_uploads_receive_at_once() {
    let registry = Registry::with(|settings| settings.limits.uploads = 1);
    let (token, to) = started(&registry);
    let other = registry.ask(&token, "POST", "/v2/acme/tool/blobs/uploads/", &[], b"");
    let mut stream = TcpStream::connect(registry.address).unwrap();
    let head = format!("PATCH {to} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 10\r\n\r\nabc");
    stream.write_all(head.as_bytes()).unwrap();
    // Not before the first has its place: otherwise this one would take it.
    for _ in 0..500 {
        let figures = String::from_utf8(registry.get("", "/metrics").body).unwrap();
        if figures.contains("tidegate_registry_uploading 1") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let refused = registry.ask(&token, "PATCH", other.header("location"), &[], b"x");
    refused.is(429, "TOOMANYREQUESTS", "try again");
    assert_eq!(refused.header("retry-after"), "2");
    stream.write_all(b"defghij").unwrap();
    assert_eq!(Answer::read(stream, "PATCH").status, 202);
    assert_eq!(registry.ask(&token, "PATCH", other.header("location"), &[], b"x").status, 202);
}

#[test]
fn only_so_many_connections_are_open_at_once() {
    let registry = Registry::with(|settings| settings.limits.connections = 2);
    let held: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(registry.address).unwrap()).collect();
    let one_more = || {
        let mut stream = TcpStream::connect(registry.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    };
    assert!(one_more().is_empty(), "it is hung up on, and nobody else notices");
    drop(held);
    let answered = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        one_more().starts_with(b"HTTP/1.1 200")
    });
    assert!(answered, "places come back");
}

#[test]
fn a_second_registry_does_not_open_the_directory() {
    let registry = Registry::start();
    let error = Store::open(registry.folder.path()).unwrap_err();
    assert!(error.to_string().contains("a registry runs with this directory"), "{error}");
}

#[test]
fn open_uploads_count_against_the_quota() {
    let registry = Registry::with(|settings| settings.quotas.default = 100);
    let (token, first) = started(&registry);
    let second = registry.ask(&token, "POST", "/v2/acme/other/blobs/uploads/", &[], b"");
    assert_eq!(registry.ask(&token, "PATCH", &first, &[], &[1; 60]).status, 202);
    registry.ask(&token, "PATCH", second.header("location"), &[], &[2; 60]).is(413, "SIZE_INVALID", "permit 40");
    assert_eq!(registry.ask(&token, "DELETE", &first, &[], b"").status, 204);
    assert_eq!(registry.ask(&token, "PATCH", second.header("location"), &[], &[2; 60]).status, 202);
}
