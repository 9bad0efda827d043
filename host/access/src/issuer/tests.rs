#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// How long what must happen may take: generous, because machines are busy.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn metadata_is_looked_for_where_both_standards_put_it() {
    assert_eq!(
        metadata_addresses("https://a.example/"),
        [
            "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration",
        ]
    );
    assert_eq!(
        metadata_addresses("https://a.example/t/1"),
        [
            "https://a.example/.well-known/oauth-authorization-server/t/1",
            "https://a.example/.well-known/openid-configuration/t/1",
            "https://a.example/t/1/.well-known/openid-configuration",
        ]
    );
}

/// A server with one document, which counts how often it is asked for.
struct Server {
    address: String,
    document: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start(document: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/keys", listener.local_addr().unwrap());
        let server = Self { address, document: Arc::new(Mutex::new(document)), asked: Arc::default() };
        let (document, asked) = (Arc::clone(&server.document), Arc::clone(&server.asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                asked.fetch_add(1, Ordering::SeqCst);
                let body = document.lock().unwrap().clone();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                // Who refuses a long document hangs up in the middle of it.
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        server
    }

    fn says(&self, document: String) {
        *self.document.lock().unwrap() = document;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn issuer(&self) -> Arc<Issuer> {
        let options = IssuerOptions {
            issuer: "https://login.example.com".to_owned(),
            pinned: None,
            jwks: Some(self.address.clone()),
            algorithms: vec![Algorithm::EdDsa],
            kinds: Vec::new(),
            leeway: Duration::ZERO,
        };
        Arc::new(Issuer::new(options, Fetcher::new(b"").unwrap()).unwrap())
    }
}

/// A set of public keys with these names.
fn keys<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let key = |name| serde_json::json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": "A".repeat(43)});
    serde_json::json!({"keys": names.into_iter().map(key).collect::<Vec<_>>()}).to_string()
}

async fn key(issuer: &Arc<Issuer>, name: &str) -> Result<Key, NoKey> {
    issuer.key(Some(name), Algorithm::EdDsa).await
}

#[tokio::test]
async fn invented_names_of_keys_do_not_make_the_node_call_the_issuer() {
    let server = Server::start(keys(["a"])).await;
    let (issuer, start) = (server.issuer(), Instant::now());
    for number in 0..100 {
        assert_eq!(key(&issuer, &format!("invented {number}")).await.err(), Some(NoKey::Unknown));
    }
    let pauses = start.elapsed().as_secs() / PAUSE.as_secs();
    assert!(server.asked() as u64 <= 1 + pauses, "{} times in {:?}", server.asked(), start.elapsed());
    assert!(key(&issuer, "a").await.is_ok());
    // After the pause a name that is not known is asked for once more.
    let before = server.asked();
    server.says(keys(["a", "b"]));
    *issuer.attempt.lock().await = Instant::now().checked_sub(PAUSE);
    assert!(key(&issuer, "b").await.is_ok());
    assert_eq!(server.asked(), before + 1);
}

#[tokio::test]
async fn old_keys_are_fetched_again_beside_the_request_and_retired_ones_end() {
    let server = Server::start(keys(["a"])).await;
    let issuer = server.issuer();
    assert!(key(&issuer, "a").await.is_ok());
    server.says(keys(["b"]));
    assert!(key(&issuer, "a").await.is_ok());
    assert_eq!(server.asked(), 1, "what is fresh is not fetched");
    let age = |by: Duration| {
        let mut fetched = issuer.fetched.write().unwrap();
        let fetched = fetched.as_mut().unwrap();
        fetched.at = fetched.at.checked_sub(by).unwrap();
    };
    age(FRESH + Duration::from_secs(1));
    *issuer.attempt.lock().await = None;
    assert!(key(&issuer, "a").await.is_ok(), "this request does not wait");
    let end = Instant::now() + SOON;
    while issuer.known(Some("a"), Algorithm::EdDsa).is_some() {
        assert!(Instant::now() < end, "a retired key counts still");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.asked(), 2);
    assert!(key(&issuer, "b").await.is_ok());
}

#[tokio::test]
async fn sets_of_keys_are_bounded_and_a_bad_one_replaces_nothing() {
    let server = Server::start(keys(["a"])).await;
    let issuer = server.issuer();
    assert!(key(&issuer, "a").await.is_ok());
    let names: Vec<String> = (0..65).map(|number| number.to_string()).collect();
    let long = format!("{}{}", keys(["b"]), " ".repeat(256 << 10));
    for (document, says) in [
        (keys(names.iter().map(String::as_str)), "the set has 65 keys; at most 64 are read"),
        (long, "has more than 262144 bytes"),
    ] {
        server.says(document);
        let problem = issuer.fetch().await.unwrap_err();
        assert!(problem.contains(says), "{problem}");
        *issuer.attempt.lock().await = None;
        assert!(matches!(key(&issuer, "b").await, Err(NoKey::Unknown)));
        assert!(key(&issuer, "a").await.is_ok(), "the last good set stays");
    }
    server.says(keys(names.iter().take(64).map(String::as_str)));
    issuer.fetch().await.unwrap();
}
