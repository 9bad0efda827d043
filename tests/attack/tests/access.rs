//! Without a key, with wrong keys, with every kind of bad token, with somebody else's session: nothing is given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_attack::{Answer, Http, Signer, Site, encode, seconds_from_now};
use tidegate_e2e::{Host, free_address};

const ISSUER: &str = "https://login.example.com";

/// A node that asks its clients who they are.
struct Guarded {
    site: Site,
    address: SocketAddr,
    signer: Signer,
}

impl Guarded {
    /// With keys and with the tokens of one issuer, whose keys are pinned. `policy`: what clients may use.
    fn new(policy: &str) -> Self {
        let mut site = Site::new().unwrap();
        site.guest("quick", "").unwrap();
        site.fixture("headers", "").unwrap();
        site.fixture("conformance", "kv = [{ namespace = \"conformance\", access = \"read-write\" }]").unwrap();
        site.policy(policy).unwrap();
        let (address, signer) = (free_address().unwrap(), Signer::new().unwrap());
        std::fs::write(site.path("jwks.json"), signer.jwks().to_string()).unwrap();
        let guarded = Self { site, address, signer };
        let resource = guarded.resource();
        let config = format!(
            "[access]\nkeys = true\nresource = \"{resource}\"\n\n[[access.issuer]]\nissuer = \"{ISSUER}\"\njwks-file = \"jwks.json\"\n"
        );
        std::fs::write(guarded.site.path("tidegate.toml"), config).unwrap();
        guarded
    }

    fn resource(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    fn serve(&self) -> Host {
        let config = self.site.shown("tidegate.toml");
        self.site
            .node()
            .serve_at(self.address, |command| {
                command.args(["--config", &config]);
            })
            .unwrap()
    }

    fn add_key(&self, name: &str) -> String {
        let said = self.site.tidegate("access", &[]);
        assert_eq!(said.unwrap().code, 2, "it takes what to do");
        let state = self.site.shown("state");
        self.site.node().tidegate(&["access", "add-key", name, "--state", &state]).unwrap().trim().to_owned()
    }

    fn claims(&self, subject: &str, scope: &str) -> Value {
        json!({"iss": ISSUER, "sub": subject, "aud": self.resource(), "exp": seconds_from_now(300), "scope": scope})
    }

    fn token(&self, subject: &str, scope: &str) -> String {
        self.signer.token(&header(), &self.claims(subject, scope)).unwrap()
    }

    /// A modern request with these header lines.
    fn ask(&self, headers: &str, method: &str, mut params: Value) -> Answer {
        let name = params["name"].as_str().unwrap_or_default().to_owned();
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        });
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let modern = format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\nMcp-Name: {name}\r\n");
        self.send("POST", "/mcp", &format!("{modern}{headers}"), &body)
    }

    fn send(&self, verb: &str, path: &str, headers: &str, body: &str) -> Answer {
        let head = format!(
            "{verb} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        );
        Http::connect(self.address).unwrap().exchange(head.as_bytes()).unwrap()
    }

    fn with(&self, secret: &str, method: &str, params: Value) -> Answer {
        self.ask(&bearer(secret), method, params)
    }

    fn tools(&self, secret: &str) -> Vec<String> {
        let listed = self.with(secret, "tools/list", json!({})).message().unwrap();
        assert_eq!(listed["result"]["cacheScope"], "private", "{listed}");
        let tools = listed["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn bearer(secret: &str) -> String {
    format!("Authorization: Bearer {secret}\r\n")
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": "k"})
}

fn says_quick(answer: &Answer) -> bool {
    answer.status == 200 && answer.text().contains("\"text\":\"5\"")
}

const KEYS: &str =
    "[[client]]\nkey = \"ada\"\ntools = [\"*\"]\n\n[[client]]\nkey = \"bob\"\ntools = [\"conformance/*\"]\n\n";

#[test]
fn without_a_good_key_nothing_is_told_and_one_that_is_taken_away_is_none() {
    let guarded = Guarded::new(KEYS);
    let (ada, stranger) = (guarded.add_key("ada"), guarded.add_key("stranger"));
    let host = guarded.serve();
    let call = |headers: &str| guarded.ask(headers, "tools/call", json!({"name": "quick"}));
    assert!(says_quick(&call(&bearer(&ada))));
    for headers in [
        String::new(),
        "Authorization: Basic YWRhOmFkYQ==\r\n".to_owned(),
        format!("Authorization: {ada}\r\n"),
        format!("X-Api-Key: {ada}\r\n"),
        format!("Proxy-Authorization: Bearer {ada}\r\n"),
        bearer(&ada[..ada.len() - 1]),
        bearer(&ada.to_lowercase()),
        bearer(&format!("{ada}A")),
        bearer("tg_"),
        bearer("ada"),
    ] {
        let answer = call(&headers);
        assert_eq!(answer.status, 401, "{headers}: {}", answer.text());
        let challenge = answer.header("www-authenticate").unwrap();
        let metadata =
            format!("resource_metadata=\"http://{}/.well-known/oauth-protected-resource/mcp\"", guarded.address);
        assert!(challenge.starts_with("Bearer ") && challenge.contains(&metadata), "{challenge}");
    }
    assert_eq!(call(&format!("{}{}", bearer(&ada), bearer("x"))).status, 400, "two are one too many");
    // Who is not known does not learn what is served, and a key in an address is none.
    for path in ["/", "/mcp", "/metrics", "/headers", "/other", "/mcp?access_token=KEY", "/mcp?a=b&access%5Ftoken=KEY"]
    {
        assert_eq!(guarded.send("POST", &path.replace("KEY", &ada), "", "").status, 401, "{path}");
    }
    let bob = guarded.add_key("bob");
    let counts = |secret: &str| guarded.send("GET", "/metrics", &bearer(secret), "").status;
    assert_eq!((counts("tg_x"), counts(&bob), counts(&ada)), (401, 404, 200), "counts name every component");
    let twice = guarded.send("POST", &format!("/mcp?access_token={ada}"), &bearer(&ada), "");
    assert_eq!(twice.status, 400, "{}", twice.text());
    assert_eq!(call(&bearer(&stranger)).status, 403, "a key for which no line of the policy is");
    let state = guarded.site.shown("state");
    guarded.site.node().tidegate(&["access", "remove", "ada", "--state", &state]).unwrap();
    assert_eq!(call(&bearer(&ada)).status, 401, "from the next request on");
    let log = host.stop().unwrap();
    let audit = std::fs::read_to_string(guarded.site.path("state/audit.jsonl")).unwrap();
    for written in [log, audit.clone()] {
        assert!(!written.contains(&ada) && !written.contains(&stranger), "secrets are written nowhere: {written}");
    }
    assert!(audit.contains("\"principal\":\"key:ada\"") && audit.contains("\"event\":\"unauthenticated\""), "{audit}");
}

#[test]
fn no_credential_reaches_a_component() {
    let guarded = Guarded::new(KEYS);
    let ada = guarded.add_key("ada");
    let token = guarded.token("ada", "");
    let host = guarded.serve();
    let headers = format!("{}Proxy-Authorization: Bearer {ada}\r\nX-Mine: 1\r\n", bearer(&ada));
    let seen = guarded.send("GET", "/headers", &headers, "");
    assert_eq!(seen.status, 200, "{}", seen.text());
    let seen = seen.text().to_lowercase();
    assert!(seen.contains("x-mine: 1"), "{seen}");
    assert!(!seen.contains("authorization") && !seen.contains(&ada.to_lowercase()), "{seen}");
    host.stop().unwrap();
    // Also where nobody is asked who they are.
    let open = guarded.site.serve().unwrap();
    let request = format!("GET /headers HTTP/1.1\r\nHost: {}\r\n{}X-Mine: 1\r\n\r\n", open.address(), bearer(&token));
    let seen = Http::connect(open.address()).unwrap().exchange(request.as_bytes()).unwrap().text().to_lowercase();
    assert!(seen.contains("x-mine: 1") && !seen.contains("authorization"), "{seen}");
    open.stop().unwrap();
}

#[test]
fn tokens_that_are_not_good_are_refused() {
    let guarded = Guarded::new(&format!("[[client]]\nissuer = \"{ISSUER}\"\nsubject = \"ada\"\ntools = [\"*\"]\n\n"));
    let host = guarded.serve();
    let signer = &guarded.signer;
    let good = guarded.claims("ada", "");
    let call = |token: &str| guarded.with(token, "tools/call", json!({"name": "quick"}));
    assert!(says_quick(&call(&guarded.token("ada", ""))));
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signer.token(&header(), &claims).unwrap()
    };
    let headed = |header: Value| signer.token(&header, &good).unwrap();
    let other = Signer::new().unwrap();
    let signed = guarded.token("ada", "");
    let (unsigned, _) = signed.rsplit_once('.').unwrap();
    let payload = signed.split('.').nth(1).unwrap();
    let bad = [
        ("another issuer", changed("iss", json!("https://evil.example.com"))),
        ("another audience", changed("aud", json!("https://other.example.com/mcp"))),
        ("the host, not the resource", changed("aud", json!(format!("http://{}", guarded.address)))),
        ("no audience", changed("aud", Value::Null)),
        ("expired", changed("exp", json!(seconds_from_now(-3600)))),
        ("without end", changed("exp", Value::Null)),
        ("not yet valid", changed("nbf", json!(seconds_from_now(3600)))),
        ("bound to a key of its holder", changed("cnf", json!({"jkt": "x"}))),
        ("nobody's", changed("sub", json!(""))),
        ("an unknown key", headed(json!({"alg": "ES256", "typ": "at+jwt", "kid": "unknown"}))),
        ("an ID token", headed(json!({"alg": "ES256", "typ": "JWT", "kid": "k"}))),
        ("critical extensions", headed(json!({"alg": "ES256", "kid": "k", "crit": ["x"], "x": 1}))),
        (
            "its own key beside it",
            other
                .token(
                    &json!({"alg": "ES256", "kid": "k", "jwk": other.jwks()["keys"][0], "jku": "http://127.0.0.1:9/"}),
                    &good,
                )
                .unwrap(),
        ),
        ("the key of another", other.token(&header(), &good).unwrap()),
        ("alg none", format!("{}.{payload}.", encode(r#"{"alg":"none","typ":"at+jwt"}"#))),
        (
            "alg none, signed",
            format!("{}.{payload}.{}", encode(r#"{"alg":"nOnE"}"#), signed.rsplit_once('.').unwrap().1),
        ),
        ("HS256 with the public point", signer.confused(signer.public(), &good)),
        ("HS256 with the public set", signer.confused(signer.jwks().to_string().as_bytes(), &good)),
        ("no signature", format!("{unsigned}.")),
        ("two parts", unsigned.to_owned()),
        ("five parts", format!("{signed}.e.e")),
        ("longer than any token", format!("{signed}{}", "A".repeat(20_000))),
        ("no token", "e30.e30.e30".to_owned()),
    ];
    for (what, token) in bad {
        let answer = call(&token);
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{what}: {challenge}");
        assert!(!challenge.contains("offline_access"), "{challenge}");
    }
    // Good, and of somebody for whom no line is.
    assert_eq!(call(&guarded.token("eve", "")).status, 403);
    assert!(says_quick(&call(&guarded.token("ada", ""))), "and the good one is still good");
    host.stop().unwrap();
}

#[test]
fn scopes_that_are_missing_are_named_at_once() {
    let guarded = Guarded::new(&format!(
        "[[client]]\nissuer = \"{ISSUER}\"\ntools = [\"conformance/test_simple_text\"]\nscopes = [\"read\"]\n\n\
         [[client]]\nissuer = \"{ISSUER}\"\ntools = [\"quick/*\"]\nscopes = [\"write\", \"more\"]\n\n"
    ));
    let host = guarded.serve();
    let metadata = guarded.send("GET", "/.well-known/oauth-protected-resource/mcp", "", "");
    let root = guarded.send("GET", "/.well-known/oauth-protected-resource", "", "");
    assert_eq!((metadata.status, root.status), (200, 200), "without a token");
    assert_eq!(metadata.message().unwrap(), root.message().unwrap());
    let metadata = metadata.message().unwrap();
    assert_eq!(metadata["resource"], guarded.resource());
    assert_eq!(metadata["authorization_servers"], json!([ISSUER]));
    assert_eq!(metadata["scopes_supported"], json!(["more", "read", "write"]));
    assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    assert_eq!(guarded.send("GET", "/.well-known/oauth-protected-resource/other", "", "").status, 401);
    let first = guarded.ask("", "tools/list", json!({}));
    assert!(first.header("www-authenticate").unwrap().contains("scope=\"more read write\""));

    let (reads, all) = (guarded.token("ada", "read other"), guarded.token("ada", "read write more"));
    assert_eq!(guarded.tools(&reads), ["test_simple_text"]);
    assert_eq!(guarded.tools(&all), ["test_simple_text", "quick"]);
    let refused = guarded.with(&reads, "tools/call", json!({"name": "quick"}));
    assert_eq!(refused.status, 403, "{}", refused.text());
    let challenge = refused.header("www-authenticate").unwrap();
    for part in ["error=\"insufficient_scope\"", "scope=\"read write more\"", "resource_metadata=\""] {
        assert!(challenge.contains(part), "{challenge}");
    }
    assert!(says_quick(&guarded.with(&all, "tools/call", json!({"name": "quick"}))));
    // What no scope would give is as if it were not there.
    let absent = guarded.with(&all, "tools/call", json!({"name": "test_image_content"})).message().unwrap();
    let nowhere = guarded.with(&all, "tools/call", json!({"name": "test_nowhere"})).message().unwrap();
    let plain =
        |message: &Value| message["error"].to_string().replace("test_image_content", "X").replace("test_nowhere", "X");
    assert_eq!(plain(&absent), plain(&nowhere));
    assert_eq!(absent["error"]["code"], -32602);
    host.stop().unwrap();
}

#[test]
fn what_belongs_to_one_client_is_not_there_for_another() {
    let guarded = Guarded::new("[[client]]\nkey = \"*\"\ntools = [\"*\"]\n\n");
    let (ada, eve) = (guarded.add_key("ada"), guarded.add_key("eve"));
    let host = guarded.serve();
    // A session.
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}});
    let begun = guarded.send("POST", "/mcp", &bearer(&ada), &initialize.to_string());
    let session = format!("Mcp-Session-Id: {}\r\n", begun.header("mcp-session-id").unwrap());
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let used = |secret: &str, verb: &str| {
        guarded
            .send(verb, "/mcp", &format!("{}{session}", bearer(secret)), if verb == "POST" { &list } else { "" })
            .status
    };
    assert_eq!((used(&ada, "POST"), used(&eve, "POST"), used(&eve, "GET"), used(&eve, "DELETE")), (200, 404, 404, 404));
    assert_eq!(used(&ada, "POST"), 200, "nobody else ended it");
    // A state on its way through the client.
    let tool = "test_input_required_result_request_state";
    let asked = guarded.with(&ada, "tools/call", json!({"name": tool})).message().unwrap();
    let (id, _) = asked["result"]["inputRequests"].as_object().unwrap().iter().next().unwrap();
    let answer = json!({"name": tool, "requestState": asked["result"]["requestState"],
        "inputResponses": {id.as_str(): {"action": "accept", "content": {"ok": true, "name": "x"}}}});
    let stolen = guarded.with(&eve, "tools/call", answer.clone()).message().unwrap();
    assert_eq!(stolen["error"]["code"], -32602, "{stolen}");
    let own = guarded.with(&ada, "tools/call", answer).message().unwrap();
    assert_eq!(own["result"]["resultType"], "complete", "{own}");
    host.stop().unwrap();
}

#[test]
fn at_a_unix_socket_the_kernel_says_who_comes() {
    let mut site = Site::new().unwrap();
    site.guest("quick", "").unwrap();
    let own =
        std::fs::metadata(site.path("policy.toml")).map(|about| std::os::unix::fs::MetadataExt::uid(&about)).unwrap();
    let ask = |site: &Site| {
        let socket = site.path("node.sock");
        let listen = format!("unix:{}", socket.display());
        // The host answers at the socket; the address that the harness waits for is another process's: this test's.
        let mut host = std::process::Command::new(tidegate_e2e::host().unwrap())
            .args(["run", "--state", &site.shown("state"), "--policy", &site.shown("policy.toml")])
            .args(["--components", &site.shown("components"), "--listen", &listen])
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "quick", "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}})
        .to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n\
             Mcp-Name: quick\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let connected = (0..3000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            UnixStream::connect(&socket).ok()
        });
        let mut stream = connected.expect("the socket comes");
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        host.kill().unwrap();
        host.wait().unwrap();
        answer
    };
    let answer = ask(&site);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"text\":\"5\""), "the node's own user: {answer}");
    site.policy(&format!("[[client]]\nuid = {own}\ntools = [\"other/*\"]\n\n")).unwrap();
    let answer = ask(&site);
    assert!(answer.contains("-32602"), "a line of the policy counts for the own user too: {answer}");
}

#[test]
fn refused_credentials_without_end_do_not_fill_the_audit_log_and_none_is_forgotten() {
    let guarded = Guarded::new(KEYS);
    let host = guarded.serve();
    let start = std::time::Instant::now();
    let refused = || assert_eq!(guarded.send("POST", "/mcp", &bearer("tg_wrong"), "").status, 401);
    (0..400).for_each(|_| refused());
    // By then the next one is noted, with the number of those that were not.
    std::thread::sleep(Duration::from_secs(1));
    refused();
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    host.stop().unwrap();
    let audit = std::fs::read_to_string(guarded.site.path("state/audit.jsonl")).unwrap();
    let noted: Vec<&str> = audit.lines().filter(|line| line.contains("\"unauthenticated\"")).collect();
    assert!(noted.len() <= 100 + 10 * seconds, "{} in {seconds} s", noted.len());
    let more = |line: &&str| line.split_once(" more before it")?.0.rsplit_once('(')?.1.parse::<usize>().ok();
    let left_out: usize = noted.iter().filter_map(more).sum();
    assert_eq!(noted.len() + left_out, 401);
}
