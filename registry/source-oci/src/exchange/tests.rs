#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use http::Method;
use tidegate_catalog::Descriptor;
use tidegate_reference::OciReference;

use crate::client::{Client, ClientSettings};
use crate::error::TransportError;
use crate::exchange::Request;
use crate::reach::Reach;
use crate::url::{Origin, Url};

fn origin(tls: bool, host: &str) -> Origin {
    Origin { tls, registry: host.parse().unwrap() }
}

#[tokio::test]
async fn tls_is_not_left_on_the_way() {
    let client = Client::new(ClientSettings::default()).unwrap();
    let home = origin(true, "registry.example");
    let request = |tls, host| Request::new(Method::GET, Url { origin: origin(tls, host), path: "/x".to_owned() });
    // Neither to another host, nor to the same one, nor to a host that plain HTTP is permitted to.
    for host in ["cdn.example", "registry.example", "127.0.0.1:1"] {
        let refused = client.once(&request(false, host), Some(&home)).await.err().unwrap();
        assert!(matches!(refused, TransportError::Downgrade { .. }), "{host}: {refused}");
    }
    // A registry on the internet leads nowhere inside.
    client.session(&home.registry, |session| session.reach = Some(Reach::Public));
    for host in ["127.0.0.1:1", "10.0.0.1", "[::1]:1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "localhost:1"] {
        let refused = client.once(&request(true, host), Some(&home)).await.err().unwrap();
        assert!(matches!(refused, TransportError::Inward { .. }), "{host}: {refused}");
    }
}

#[tokio::test]
async fn plain_http_beyond_this_machine_must_be_permitted() {
    let client = Client::new(ClientSettings::default()).unwrap();
    assert!(client.origin(&"registry.example".parse().unwrap()).tls);
    assert!(!client.origin(&"127.0.0.1:5000".parse().unwrap()).tls);
    let request = Request::new(Method::GET, Url { origin: origin(false, "192.0.2.1"), path: "/".to_owned() });
    let refused = client.once(&request, None).await.err().unwrap();
    assert!(matches!(refused, TransportError::PlainHttp(_)), "{refused}");
    let plain_http = ["192.0.2.1".parse().unwrap()].into_iter().collect();
    let client = Client::new(ClientSettings { plain_http, ..ClientSettings::default() }).unwrap();
    assert!(!client.origin(&"192.0.2.1".parse().unwrap()).tls);
}

/// A server that hangs up after some bytes of each answer; gives the ranges that it was asked for.
fn breaking(bytes: Vec<u8>, each: usize, ranges: bool) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (host, asked) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().flatten().enumerate() {
            let mut start = 0;
            let mut reader = BufReader::new(&stream);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                    break;
                }
                if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
                    start = range.trim().trim_end_matches('-').parse().unwrap();
                    seen.lock().unwrap().push(range.trim().to_owned());
                }
            }
            let (start, head) = match start {
                start if start > 0 && ranges => {
                    let (last, all) = (bytes.len() - 1, bytes.len());
                    (start, format!("206 X\r\nContent-Range: bytes {start}-{last}/{all}"))
                }
                _ => (0, "200 OK".to_owned()),
            };
            let rest = &bytes[start..];
            // Without ranges the whole comes in the end.
            let most = if !ranges && count >= 2 { rest.len() } else { each.min(rest.len()) };
            let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
            let _ = (&stream).write_all(head.as_bytes());
            let _ = (&stream).write_all(&rest[..most]);
        }
    });
    (host, asked)
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke() {
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let blob = Descriptor::of("application/wasm", &bytes);
    let folder = tempfile::tempdir().unwrap();
    for ranges in [true, false] {
        let (host, asked) = breaking(bytes.clone(), 300_000, ranges);
        let reference: OciReference = format!("oci://{host}/a@{}", blob.digest).parse().unwrap();
        let path = folder.path().join(format!("{ranges}.wasm"));
        let client = Client::new(ClientSettings::default()).unwrap();
        client.blob_to_file(&reference, &blob, 2_000_000, &path).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let asked = asked.lock().unwrap();
        assert!(!asked.is_empty() && asked.iter().all(|range| range.ends_with('-')), "{asked:?}");
    }
}
