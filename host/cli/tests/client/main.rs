//! Our client and our registry, over loopback: tokens of a token server, uploads that break, blobs that are mounted, pages,
//! ranges, quotas, TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod gate;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use gate::{Gate, Verdict, header};
use tempfile::TempDir;
use tidegate_catalog::{Config, Descriptor, WASM_CONFIG, WASM_LAYER, manifest};
use tidegate_reference::{Digest, OciReference, RegistryHost};
use tidegate_registry_server::{Permission, Server, Settings, TlsFiles, TokenFile};
use tidegate_source_oci::{
    Client, ClientSettings, Credential, Credentials, PullError, PushError, Source, TransportError,
};

/// A registry that serves as long as the test's runtime.
struct Registry {
    address: SocketAddr,
    folder: TempDir,
}

impl Registry {
    async fn start(change: impl FnOnce(&mut Settings, &TempDir)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("127.0.0.1:0".parse().unwrap(), folder.path().join("data"));
        change(&mut settings, &folder);
        let server = Server::bind(settings).await.unwrap();
        let address = server.address();
        tokio::spawn(server.serve(std::future::pending()));
        Self { address, folder }
    }

    fn token(&self, scope: &str, permission: Permission) -> String {
        let tokens = TokenFile::of(&self.folder.path().join("data"));
        let name = format!("t{}", tokens.list().unwrap().len());
        tokens.add(&name, vec![scope.parse().unwrap()], permission, None).unwrap().text
    }

    fn client(&self, token: &str) -> Client {
        client(&self.address.to_string(), token)
    }
}

fn client(host: &str, token: &str) -> Client {
    let mut credentials = Credentials::default();
    credentials.set(host.parse().unwrap(), Credential::token(token.to_owned()));
    Client::new(ClientSettings { credentials, ..ClientSettings::default() }).unwrap()
}

fn reference(host: &str, rest: &str) -> OciReference {
    format!("oci://{host}/{rest}").parse().unwrap()
}

/// Bytes that are not all the same.
fn bytes(length: usize) -> Bytes {
    (0..length).map(|n| (n % 251) as u8).collect::<Vec<_>>().into()
}

/// A component as `publish` takes it. What is in it does not matter to registries.
fn parcel(component: &Bytes) -> (Vec<(Descriptor, Source)>, Bytes) {
    let layer = Descriptor::of(WASM_LAYER, component);
    let config = Config::new("1970-01-01T00:00:00Z".to_owned(), &layer.digest, &[], &[]).to_json();
    let described = Descriptor::of(WASM_CONFIG, &config);
    let text = manifest(described.clone(), layer.clone(), std::collections::BTreeMap::new());
    (vec![(described, Source::Bytes(config.into())), (layer, Source::Bytes(component.clone()))], text.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_token_server_is_used_for_what_it_was_given_for() {
    let registry = Registry::start(|_, _| {}).await;
    let real = format!("Bearer {}", registry.token("*", Permission::Push));
    // The gate is registry and token server in one: it gives a token for each scope, and takes it for nothing else.
    let gate = Gate::before(registry.address, move |line, head| {
        let authorization = header(head, "authorization").unwrap_or_default();
        if let Some(query) = line.strip_prefix("GET /token?") {
            let query = query.split(' ').next().unwrap();
            // `any:secret`
            if authorization != "Basic dG9rZW46c2VjcmV0" {
                return Verdict::Answer("401 X".to_owned(), String::new());
            }
            let scope = query.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap();
            assert!(query.contains("service=reg"), "{query}");
            return Verdict::Answer("200 OK".to_owned(), format!("{{\"token\":\"for-{scope}\"}}"));
        }
        let wanted = match line.starts_with("GET") || line.starts_with("HEAD") {
            true => ["Bearer for-repository:acme/tool:pull", "Bearer for-repository:acme/tool:pull,push"].as_slice(),
            false => &["Bearer for-repository:acme/tool:pull,push"],
        };
        match wanted.contains(&authorization.as_str()) {
            true => Verdict::Pass { line: None, authorization: Some(real.clone()) },
            false => Verdict::Answer(
                "401 X\r\nWWW-Authenticate: Bearer realm=\"/token\",service=\"reg\",scope=\"ignored\"".to_owned(),
                String::new(),
            ),
        }
    });
    let name = reference(&gate.host, "acme/tool:1.0.0");
    let component = bytes(1000);
    let (blobs, manifest) = parcel(&component);
    let mut credentials = Credentials::default();
    let mut credential = Credential::token("secret".to_owned());
    credential.username = "token".to_owned();
    credentials.set(gate.host.parse().unwrap(), credential);
    let settings = ClientSettings { credentials, ..ClientSettings::default() };
    let publisher = Client::new(settings.clone()).unwrap();
    publisher.publish(&name, &blobs, &manifest, &[]).await.unwrap();
    assert_eq!(gate.lines("/token?").len(), 1, "one token for all of it: {:?}", gate.lines("/token?"));
    let folder = tempfile::tempdir().unwrap();
    let puller = Client::new(settings).unwrap();
    let pulled = puller.pull(&name, folder.path()).await.unwrap();
    assert_eq!(std::fs::read(pulled.component).unwrap(), component);
    let asked = gate.lines("/token?");
    assert!(asked.len() == 2 && asked[1].contains("acme/tool:pull&"), "and one for reading: {asked:?}");
    // A wrong password is told as such, and not tried again and again.
    let wrong = client(&gate.host, "wrong");
    let refused = wrong.resolve(&name).await.unwrap_err();
    assert!(matches!(refused, PullError::Transport(TransportError::Unauthorized { .. })), "{refused}");
    assert_eq!(gate.lines("/token?").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_broke() {
    let registry = Registry::start(|_, _| {}).await;
    let token = registry.token("*", Permission::Push);
    let gate = Gate::before(registry.address, |_, _| Verdict::pass());
    let blob = bytes(20 << 20);
    let descriptor = Descriptor::of(WASM_LAYER, &blob);
    let name = reference(&gate.host, "acme/tool:1.0.0");
    let client = client(&gate.host, &token);
    // The first chunk of 8 MiB breaks after 3.
    gate.cut_request.store(3 << 20, Ordering::Relaxed);
    client.push_blob(&name, &descriptor, Source::Bytes(blob.clone())).await.unwrap();
    let seen = gate.seen.lock().unwrap().clone();
    let ranges: Vec<_> = seen
        .iter()
        .filter(|(line, _)| line.starts_with("PATCH"))
        .map(|(_, head)| header(head, "content-range").unwrap())
        .collect();
    assert_eq!(ranges[0], format!("0-{}", (8 << 20) - 1));
    let second: u64 = ranges[1].split('-').next().unwrap().parse().unwrap();
    assert!(second > 0 && second <= 3 << 20, "it goes on with what had arrived: {ranges:?}");
    assert!(ranges.len() >= 3, "{ranges:?}");
    // What is there has the digest: a second push sends nothing.
    let before = gate.lines("PATCH").len();
    client.push_blob(&name, &descriptor, Source::Bytes(blob)).await.unwrap();
    assert_eq!(gate.lines("PATCH").len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_goes_on_where_it_broke() {
    let registry = Registry::start(|_, _| {}).await;
    let token = registry.token("*", Permission::Push);
    let gate = Gate::before(registry.address, |_, _| Verdict::pass());
    let (client, name) = (client(&gate.host, &token), reference(&gate.host, "acme/tool:1.0.0"));
    let component = bytes(5 << 20);
    let (blobs, manifest) = parcel(&component);
    client.publish(&name, &blobs, &manifest, &[]).await.unwrap();
    gate.cut_answer.store(2 << 20, Ordering::Relaxed);
    let folder = tempfile::tempdir().unwrap();
    let pulled = client.pull(&name, folder.path()).await.unwrap();
    assert_eq!(std::fs::read(pulled.component).unwrap(), component);
    let ranges: Vec<_> = gate.seen.lock().unwrap().iter().filter_map(|(_, head)| header(head, "range")).collect();
    assert!(ranges.len() == 1 && ranges[0].starts_with("bytes=") && ranges[0] != "bytes=0-", "{ranges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_mounted_where_its_source_may_be_read() {
    let registry = Registry::start(|_, _| {}).await;
    let host = registry.address.to_string();
    let acme = registry.client(&registry.token("acme/*", Permission::Push));
    let beta = registry.client(&registry.token("beta/*", Permission::Push));
    let both = registry.client(&registry.token("*", Permission::Push));
    let blob = bytes(1000);
    let descriptor = Descriptor::of(WASM_LAYER, &blob);
    let (source, there) = ("acme/tool".parse().unwrap(), reference(&host, "beta/tool:1.0.0"));
    let here = reference(&host, "acme/tool:1.0.0");
    acme.push_blob(&here, &descriptor, Source::Bytes(blob.clone())).await.unwrap();
    assert!(!beta.mount_blob(&there, &source, &descriptor.digest).await.unwrap(), "it may not read there");
    assert!(!both.mount_blob(&there, &source, &Digest::of(b"nothing")).await.unwrap(), "there is no such blob");
    assert!(both.mount_blob(&there, &source, &descriptor.digest).await.unwrap());
    // The uploads that began instead are gone.
    let uploads = registry.folder.path().join("data/uploads");
    assert_eq!(std::fs::read_dir(uploads).map_or(0, Iterator::count), 0);
    let refused = acme.mount_blob(&there, &source, &descriptor.digest).await.unwrap_err();
    assert!(matches!(refused, PushError::Transport(TransportError::Denied { .. })), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_come_in_pages() {
    let registry = Registry::start(|_, _| {}).await;
    let token = registry.token("*", Permission::Push);
    // A registry that gives two at a time.
    let gate = Gate::before(registry.address, |line, _| Verdict::Pass {
        line: line.ends_with("/tags/list HTTP/1.1").then(|| line.replace("/tags/list", "/tags/list?n=2")),
        authorization: None,
    });
    let client = client(&gate.host, &token);
    let (blobs, manifest) = parcel(&bytes(10));
    let wanted = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "latest"];
    for tag in wanted {
        client.publish(&reference(&gate.host, &format!("acme/tool:{tag}")), &blobs, &manifest, &[]).await.unwrap();
    }
    let tags = client.tags(&reference(&gate.host, "acme/tool:latest")).await.unwrap();
    assert_eq!(tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), wanted);
    assert_eq!(gate.lines("&last=").len(), 2, "{:?}", gate.lines("/tags/list"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_registry_refuses_is_told_in_its_words() {
    let registry = Registry::start(|settings, _| settings.quotas.default = 10_000).await;
    let host = registry.address.to_string();
    let client = registry.client(&registry.token("acme/*", Permission::Push));
    let (blobs, manifest) = parcel(&bytes(20_000));
    let name = reference(&host, "acme/tool:1.0.0");
    let refused = client.publish(&name, &blobs, &manifest, &[]).await.unwrap_err().to_string();
    assert!(refused.contains("does not permit it") && refused.contains("quota"), "{refused}");
    let (blobs, manifest) = parcel(&bytes(100));
    client.publish(&name, &blobs, &manifest, &[]).await.unwrap();
    let (blobs, manifest) = parcel(&bytes(101));
    let refused = client.publish(&name, &blobs, &manifest, &[]).await.unwrap_err().to_string();
    assert!(refused.contains("a released version does not move"), "{refused}");
    let refused = client.publish(&reference(&host, "beta/tool:1.0.0"), &blobs, &manifest, &[]).await.unwrap_err();
    assert!(matches!(refused, PushError::Transport(TransportError::Denied { .. })), "{refused}");
}

/// Runs OpenSSL in a folder.
fn openssl(folder: &TempDir, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_counts_with_the_authority_that_was_named() {
    let registry = Registry::start(|settings, folder| {
        let authority = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=authority -keyout ca.key -out ca.pem \
                         -addext basicConstraints=critical,CA:TRUE";
        openssl(folder, authority);
        openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=registry -keyout registry.key -out registry.csr");
        std::fs::write(folder.path().join("leaf.ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
            .unwrap();
        let sign = "x509 -req -in registry.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile leaf.ext \
                    -out registry.pem";
        openssl(folder, sign);
        let file = |name: &str| folder.path().join(name);
        settings.tls = Some(TlsFiles { certificate: file("registry.pem"), key: file("registry.key") });
    })
    .await;
    let host = registry.address.to_string();
    let token = registry.token("*", Permission::Push);
    let with = |roots: Vec<u8>| {
        let mut credentials = Credentials::default();
        credentials.set(host.parse::<RegistryHost>().unwrap(), Credential::token(token.clone()));
        Client::new(ClientSettings { credentials, extra_roots: roots, ..ClientSettings::default() }).unwrap()
    };
    let read = |name: &str| std::fs::read(registry.folder.path().join(name)).unwrap();
    let name = reference(&host, "acme/tool:1.0.0");
    let (blobs, manifest) = parcel(&bytes(100));
    with(read("ca.pem")).publish(&name, &blobs, &manifest, &[]).await.unwrap();
    let resolved = with(read("ca.pem")).resolve(&name).await.unwrap();
    assert_eq!(resolved.bytes, manifest);
    // Another authority of the same name.
    openssl(
        &registry.folder,
        "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=authority -keyout other.key -out other.pem -addext \
         basicConstraints=critical,CA:TRUE",
    );
    let refused = with(read("other.pem")).resolve(&name).await.unwrap_err();
    assert!(matches!(refused, PullError::Transport(TransportError::Tls { .. })), "{refused}");
    // Without TLS it is not spoken to.
    let plain = with(Vec::new()).resolve(&name).await.unwrap_err();
    assert!(matches!(plain, PullError::Transport(_)), "{plain}");
}
