//! Official clients that prove who they are, to a host that asks: by keys, by tokens of a real authorization server, over
//! TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};
use tidegate_e2e::{Authority, Client, Host, Library, Node, free_address, grant};

/// How long what must happen may take: generous, because machines are busy.
const SOON: Duration = Duration::from_secs(60);

/// A node that asks its clients who they are.
struct Guarded {
    node: Node,
    address: SocketAddr,
    scheme: &'static str,
}

impl Guarded {
    /// `config`: the configuration file, with `RESOURCE` for what the node is called; `clients`: lines of the policy.
    fn new(config: &str, clients: &str) -> Self {
        let node = Node::with_fixtures(&["echo", "conformance", "headers"], "").unwrap();
        let kv = "kv = [{ namespace = \"conformance\", access = \"read-write\" }]";
        let grants = [
            grant("protocol-mcp", "gateway = true"),
            grant("echo", ""),
            grant("conformance", kv),
            grant("headers", ""),
        ]
        .concat();
        node.write_policy(&format!("{grants}{clients}")).unwrap();
        let scheme = if config.contains("[tls]") { "https" } else { "http" };
        let guarded = Self { node, address: free_address().unwrap(), scheme };
        guarded.configure(config);
        guarded
    }

    fn configure(&self, config: &str) {
        std::fs::write(self.node.path("tidegate.toml"), config.replace("RESOURCE", &self.url())).unwrap();
    }

    /// What clients call it, and tokens too.
    fn url(&self) -> String {
        // The certificate is of a name.
        let host = if self.scheme == "https" {
            format!("localhost:{}", self.address.port())
        } else {
            self.address.to_string()
        };
        format!("{}://{host}/mcp", self.scheme)
    }

    fn serve(&self) -> Host {
        let config = self.node.path("tidegate.toml");
        let with_config = |command: &mut std::process::Command| {
            command.arg("--config").arg(&config);
        };
        self.node.serve_at(self.address, with_config).unwrap()
    }

    fn add_key(&self, name: &str) -> String {
        let state = self.node.path("state").display().to_string();
        self.node.tidegate(&["access", "add-key", name, "--state", &state]).unwrap().trim().to_owned()
    }

    /// The status of a call with a token.
    fn status(&self, token: &str) -> u16 {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}})
        .to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
             MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Waits until a token has this status.
    fn comes_to(&self, token: &str, status: u16) {
        let end = Instant::now() + SOON;
        while self.status(token) != status {
            assert!(Instant::now() < end, "still {}", self.status(token));
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// The configuration for the tokens of an issuer; `more`: lines of its table.
fn believes(authority: &Authority, more: &str) -> String {
    format!(
        "[access]\nresource = \"RESOURCE\"\nscopes = [\"read\"]\n\n[[access.issuer]]\nissuer = \"{}\"\n{more}\n",
        authority.issuer()
    )
}

/// What the holders of its tokens may use.
fn clients(authority: &Authority) -> String {
    let issuer = authority.issuer();
    format!(
        "[[client]]\nissuer = \"{issuer}\"\ntenant = \"tests\"\ntools = [\"conformance/test_simple_text\"]\nscopes = [\"read\"]\n\n\
         [[client]]\nissuer = \"{issuer}\"\nclaims = {{ groups = \"staff\" }}\ntools = [\"echo/*\"]\nscopes = [\"write\"]\n\n"
    )
}

fn echo(client: &mut Client) -> Value {
    client.call("echo", &json!({"message": "ahoy"})).unwrap()["content"][0]["text"].clone()
}

fn names(client: &mut Client) -> Vec<String> {
    let listed = client.step(&json!({"do": "list"})).unwrap();
    listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn official_clients_find_the_authorization_server_get_tokens_and_step_up() {
    let authority = Authority::start(&["read", "write"], 300).unwrap();
    let guarded = Guarded::new(&believes(&authority, ""), &clients(&authority));
    let host = guarded.serve();
    for (library, flow) in [
        (Library::TypeScript("2026-07-28"), "client-credentials"),
        (Library::TypeScript("legacy"), "client-credentials"),
        (Library::Python("2026-07-28"), "client-credentials"),
        (Library::Python("legacy"), "client-credentials"),
        (Library::Python("auto"), "authorization-code"),
    ] {
        let mut client = Client::connect_as(library, &guarded.url(), &authority.credentials(flow)).unwrap();
        // The host asked for `read` at first; for this tool it asks for both at once.
        assert_eq!(names(&mut client), ["test_simple_text"], "{library:?} {flow}");
        assert_eq!(echo(&mut client), "ahoy", "{library:?} {flow}");
        assert!(names(&mut client).contains(&"echo".to_owned()), "{library:?} {flow}");
        client.close().unwrap();
    }
    host.stop().unwrap();
    let audit = std::fs::read_to_string(guarded.node.path("state/audit.jsonl")).unwrap();
    for principal in ["machine", "ada"] {
        let named = format!("\"principal\":\"{}|{principal}\",\"tenant\":\"tests\"", authority.issuer());
        assert!(audit.contains(&named), "{named}: {audit}");
    }
}

#[test]
fn every_signature_of_a_real_server_is_understood_and_its_mistakes_are_refused() {
    let mut authority = Authority::start(&["read", "write"], 300).unwrap();
    let mut other = Authority::start(&["read", "write"], 300).unwrap();
    let guarded = Guarded::new(&believes(&authority, "leeway = \"0s\""), &clients(&authority));
    let host = guarded.serve();
    let resource = guarded.url();
    for algorithm in ["ES256", "RS256", "PS256", "EdDSA"] {
        let token = authority.token(&resource, "read", algorithm).unwrap();
        assert_eq!(guarded.status(&token), 200, "{algorithm}");
    }
    assert_eq!(guarded.status(&authority.token("https://other.example.com/mcp", "read", "ES256").unwrap()), 401);
    assert_eq!(guarded.status(&other.token(&resource, "read", "ES256").unwrap()), 401, "another issuer");
    host.stop().unwrap();
    // An algorithm that is not on the list.
    guarded.configure(&believes(&authority, "leeway = \"0s\"\nalgorithms = [\"ES256\"]"));
    let host = guarded.serve();
    assert_eq!(guarded.status(&authority.token(&resource, "read", "RS256").unwrap()), 401);
    assert_eq!(guarded.status(&authority.token(&resource, "read", "ES256").unwrap()), 200);
    host.stop().unwrap();
    // Tokens that end a second after they were given.
    let mut brief = Authority::start(&["read"], 1).unwrap();
    guarded.configure(&believes(&brief, "leeway = \"0s\""));
    let host = guarded.serve();
    let token = brief.token(&resource, "read", "ES256").unwrap();
    guarded.comes_to(&token, 401);
    host.stop().unwrap();
}

#[test]
fn new_keys_are_found_and_known_ones_go_on_while_the_server_is_away() {
    let mut authority = Authority::start(&["read"], 300).unwrap();
    let guarded = Guarded::new(&believes(&authority, ""), &clients(&authority));
    let host = guarded.serve();
    let resource = guarded.url();
    let first = authority.token(&resource, "read", "ES256").unwrap();
    authority.step(&json!({"do": "leave"})).unwrap();
    assert_eq!(guarded.status(&first), 503, "its keys were never seen: nobody can say whether it is good");
    authority.step(&json!({"do": "return"})).unwrap();
    guarded.comes_to(&first, 200);
    authority.step(&json!({"do": "leave"})).unwrap();
    assert_eq!(guarded.status(&first), 200, "known keys need no network");
    authority.step(&json!({"do": "return"})).unwrap();
    authority.step(&json!({"do": "rotate"})).unwrap();
    let second = authority.token(&resource, "read", "ES256").unwrap();
    guarded.comes_to(&second, 200);
    assert_eq!(guarded.status(&first), 401, "of a key that was retired");
    host.stop().unwrap();
}

#[test]
fn pinned_keys_need_no_network_at_all() {
    let mut authority = Authority::start(&["read"], 300).unwrap();
    let guarded = Guarded::new(&believes(&authority, "jwks-file = \"keys.json\""), &clients(&authority));
    let keys = authority.step(&json!({"do": "keys"})).unwrap();
    std::fs::write(guarded.node.path("keys.json"), keys.to_string()).unwrap();
    let token = authority.token(&guarded.url(), "read", "RS256").unwrap();
    authority.step(&json!({"do": "rotate"})).unwrap();
    let rotated = authority.token(&guarded.url(), "read", "RS256").unwrap();
    authority.step(&json!({"do": "leave"})).unwrap();
    let host = guarded.serve();
    assert_eq!((guarded.status(&token), guarded.status(&rotated)), (200, 401));
    host.stop().unwrap();
}

/// Gives a node a certificate for `localhost`, `node.crt`, its key, `node.key`, and the authority's, `ca.pem`.
fn certify(node: &Node) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Of another name than the server's: else a certificate looks as if it had signed itself.
    params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
    std::fs::write(node.path("ca.pem"), params.self_signed(&authority_key).unwrap().pem()).unwrap();
    let (authority, key) = (Issuer::new(params, authority_key), KeyPair::generate().unwrap());
    let mut own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    // What Python wants to see in a chain.
    own.use_authority_key_identifier_extension = true;
    std::fs::write(node.path("node.crt"), own.signed_by(&key, &authority).unwrap().pem()).unwrap();
    std::fs::write(node.path("node.key"), key.serialize_pem()).unwrap();
    std::fs::set_permissions(node.path("node.key"), Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn official_clients_with_keys_over_tls() {
    let guarded = Guarded::new(
        "[tls]\ncertificate = \"node.crt\"\nkey = \"node.key\"\n\n[access]\nkeys = true\n",
        "[[client]]\nkey = \"laptop\"\ntools = [\"echo/*\"]\n\n",
    );
    certify(&guarded.node);
    let mode = |mode| std::fs::set_permissions(guarded.node.path("node.key"), Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let config = guarded.node.path("tidegate.toml").display().to_string();
    let state = guarded.node.path("state").display().to_string();
    let exposed = guarded.node.tidegate(&["run", "--config", &config, "--state", &state, "--listen", "0.0.0.0:0"]);
    assert!(exposed.unwrap_err().to_string().contains("chmod 600"), "a key that others read is not used");
    mode(0o640);
    let laptop = guarded.add_key("laptop");
    let host = guarded.serve();
    let access = json!({"key": laptop, "roots": guarded.node.path("ca.pem")});
    for library in [
        Library::TypeScript("2026-07-28"),
        Library::TypeScript("legacy"),
        Library::Python("2026-07-28"),
        Library::Python("legacy"),
    ] {
        let mut client = Client::connect_as(library, &guarded.url(), &access).unwrap();
        assert_eq!(names(&mut client), ["echo"]);
        assert_eq!(echo(&mut client), "ahoy", "{library:?}");
        client.close().unwrap();
        let wrong = json!({"key": "tg_wrong", "roots": guarded.node.path("ca.pem")});
        for access in [json!({"key": laptop}), wrong] {
            // A modern client says nothing before its first request.
            if let Ok(mut client) = Client::connect_as(library, &guarded.url(), &access) {
                let refused = client.step(&json!({"do": "list"})).unwrap();
                assert!(refused.get("error").is_some(), "{library:?} {access}: {refused}");
            }
        }
    }
    host.stop().unwrap();
}

#[test]
fn a_component_sees_whether_tls_is_between() {
    let tls = "[tls]\ncertificate = \"node.crt\"\nkey = \"node.key\"\n\n";
    for (config, scheme) in [(tls, "https"), ("", "http")] {
        let guarded = Guarded::new(
            &format!("{config}[access]\nkeys = true\n"),
            "[[client]]\nkey = \"laptop\"\ntools = [\"*\"]\n\n",
        );
        certify(&guarded.node);
        let key = guarded.add_key("laptop");
        let host = guarded.serve();
        let port = guarded.address.port();
        // What a client says of the way is not the way.
        let request = format!(
            "GET /headers HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\
             X-Forwarded-Proto: gopher\r\n\r\n"
        );
        let mut stream: Box<dyn ReadWrite> = Box::new(TcpStream::connect(guarded.address).unwrap());
        if scheme == "https" {
            stream = Box::new(rustls::StreamOwned::new(believing(&guarded.node.path("ca.pem")), stream));
        }
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(&format!("\n:scheme: {scheme}\n")), "{answer}");
        host.stop().unwrap();
    }
}

trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

/// A connection to `localhost` that believes an authority.
fn believing(authority: &std::path::Path) -> rustls::ClientConnection {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap()
}

#[test]
fn a_new_certificate_is_found_in_its_files_and_a_broken_one_is_not_used() {
    let config = "[tls]\ncertificate = \"node.crt\"\nkey = \"node.key\"\n\n[access]\nkeys = true\n";
    let guarded = Guarded::new(config, "[[client]]\nkey = \"laptop\"\ntools = [\"*\"]\n\n");
    certify(&guarded.node);
    let host = guarded.serve();
    let authority = |name: &str| guarded.node.path(name);
    std::fs::rename(authority("ca.pem"), authority("old.pem")).unwrap();
    let shakes_hands = |name: &str| {
        let stream = TcpStream::connect(guarded.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut tls = rustls::StreamOwned::new(believing(&authority(name)), stream);
        tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
    };
    assert!(shakes_hands("old.pem"));
    let comes = |what: &str, happened: &dyn Fn() -> bool| {
        let end = Instant::now() + SOON;
        while !happened() {
            assert!(Instant::now() < end, "{what}; log:\n{}", host.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    std::fs::write(authority("node.crt"), "half writ").unwrap();
    comes("a broken certificate is told", &|| host.log().contains("the new certificate is not used"));
    assert!(shakes_hands("old.pem"), "the old one goes on");
    certify(&guarded.node);
    comes("the new certificate is used", &|| shakes_hands("ca.pem"));
    assert!(!shakes_hands("old.pem"), "and the old one no more");
    host.stop().unwrap();
}
