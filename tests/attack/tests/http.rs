//! What anybody who reaches the port can send: every request is answered with the right status, and the host stays as
//! it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_attack::{Answer, Http, Mcp, Site, resident, settled};
use tidegate_e2e::Host;

const MIB: u64 = 1 << 20;

fn site() -> (Site, Host) {
    let mut site = Site::new().unwrap();
    site.guest("quick", "").unwrap();
    let host = site.serve().unwrap();
    (site, host)
}

fn still_works(address: SocketAddr) {
    assert_eq!(Mcp::new(address).say("quick", &json!({})).unwrap(), "5");
}

/// A POST whose `Host`, further header lines and body are the test's.
fn post(address: SocketAddr, host: &str, headers: &str, body: &[u8]) -> Answer {
    let mut request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    let mut http = Http::connect(address).unwrap();
    // The host may answer and close before it has read all.
    let _ = http.send(&request);
    http.answer().unwrap()
}

fn raw(address: SocketAddr, request: &[u8]) -> Answer {
    let mut http = Http::connect(address).unwrap();
    let _ = http.send(request);
    http.answer().unwrap()
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#;

#[test]
fn foreign_hosts_and_origins_are_refused() {
    let (_site, host) = site();
    let address = host.address();
    let own = address.to_string();
    let port = address.port();
    let hosts = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("0.0.0.0:{port}"),
        "127.0.0.1:1".to_owned(),
        String::new(),
    ];
    for name in &hosts {
        let status = post(address, name, "", INITIALIZE.as_bytes()).status;
        assert!(matches!(status, 400 | 403), "`Host: {name}`: {status}");
    }
    let origins = ["http://evil.example", "https://evil.example", "null", "file://", "http://127.0.0.1.evil.example"];
    for origin in origins {
        let answer = post(address, &own, &format!("Origin: {origin}\r\n"), INITIALIZE.as_bytes());
        assert_eq!(answer.status, 403, "`Origin: {origin}`");
        assert!(answer.header("access-control-allow-origin").is_none(), "`Origin: {origin}`");
    }
    let answer = post(address, &own, &format!("Origin: http://{own}\r\n"), INITIALIZE.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let two = raw(address, format!("POST /mcp HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n").as_bytes());
    assert_eq!(two.status, 400);
    let none = raw(address, b"POST /mcp HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(none.status, 400);
    let absolute = format!("POST http://evil.example/mcp HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(raw(address, absolute.as_bytes()).status, 403);
    host.stop().unwrap();
}

#[test]
fn too_much_is_refused_with_its_status() {
    let (_site, host) = site();
    let address = host.address();
    let before = resident(host.pid()).unwrap();
    let head =
        |rest: &str| format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{rest}\r\n");
    let declared = raw(address, head("Content-Length: 99999999999\r\n").as_bytes());
    assert_eq!(declared.status, 413);
    let whole = vec![b' '; 17 << 20];
    assert_eq!(post(address, &address.to_string(), "", &whole).status, 413);
    let middle = vec![b' '; 9 << 20];
    assert_eq!(post(address, &address.to_string(), "", &middle).status, 413, "the protocol's own bound of 8 MiB");
    // In chunks, without a declared length.
    let mut http = Http::connect(address).unwrap();
    http.send(head("Transfer-Encoding: chunked\r\n").as_bytes()).unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    for _ in 0..20 {
        if http.send(&chunk).is_err() {
            break;
        }
    }
    assert_eq!(http.answer().unwrap().status, 413);
    let long = format!("GET /mcp HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n", "x".repeat(100 << 10));
    assert_eq!(raw(address, long.as_bytes()).status, 431);
    let many = format!("GET /mcp HTTP/1.1\r\nHost: {address}\r\n{}\r\n", "X: y\r\n".repeat(1000));
    assert_eq!(raw(address, many.as_bytes()).status, 431);
    let path = format!("GET /{} HTTP/1.1\r\nHost: {address}\r\n\r\n", "x".repeat(100 << 10));
    assert!(matches!(raw(address, path.as_bytes()).status, 414 | 431));
    still_works(address);
    let small = settled(|| resident(host.pid()).unwrap().saturating_sub(before) < 64 * MIB);
    assert!(small, "the host grew by {} MiB", resident(host.pid()).unwrap().saturating_sub(before) / MIB);
    host.stop().unwrap();
}

#[test]
fn a_client_that_sends_slowly_holds_nothing_for_long() {
    let mut site = Site::new().unwrap();
    site.guest("quick", "").unwrap();
    std::fs::write(site.path("tidegate.toml"), "[http]\nheader-timeout = \"1s\"\nidle-timeout = \"2s\"\n").unwrap();
    let config = site.shown("tidegate.toml");
    let host = site.node().serve_with(|command| {
        command.args(["--config", &config]);
    });
    let host = host.unwrap();
    let address = host.address();
    let began = Instant::now();
    let mut slow: Vec<_> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stream in &mut slow {
        stream.write_all(format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\n").as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    }
    still_works(address);
    for stream in &mut slow {
        // A byte now and then does not help.
        let _ = stream.write_all(b"X");
    }
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    }
    assert!(began.elapsed() >= Duration::from_secs(1), "they were closed for another reason than their time");
    still_works(address);
    host.stop().unwrap();
}

/// Bodies that are no request, the status and the JSON-RPC code that each must get.
const BODIES: &[(&str, &[u8], u16, i64)] = &[
    ("nothing", b"", 400, -32700),
    ("no JSON", b"{\"jsonrpc\":", 400, -32700),
    ("two values", b"{} {}", 400, -32700),
    ("a comment", b"{\"jsonrpc\":\"2.0\" /* x */}", 400, -32700),
    ("a number too long", b"{\"jsonrpc\":\"2.0\",\"id\":1e999999,\"method\":\"ping\"}", 400, 0),
    ("invalid UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}", 400, -32700),
    ("a lone surrogate", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud800\"}", 400, 0),
    ("a number", b"42", 400, -32600),
    ("null", b"null", 400, -32600),
    ("no version", b"{\"id\":1,\"method\":\"ping\"}", 400, -32600),
    ("version 1", b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", 400, -32600),
    ("an id of the wrong type", b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", 400, -32600),
    ("a method of the wrong type", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", 400, -32600),
    ("no method", b"{\"jsonrpc\":\"2.0\",\"id\":1}", 400, -32600),
];

#[test]
fn what_is_no_request_is_told_so() {
    let (_site, host) = site();
    let address = host.address();
    let own = address.to_string();
    for (what, body, status, code) in BODIES {
        let answer = post(address, &own, "", body);
        assert_eq!(answer.status, *status, "{what}: {}", answer.text());
        let message = answer.message().unwrap();
        let found = message["error"]["code"].as_i64().unwrap();
        assert!(*code == 0 || found == *code, "{what}: {message}");
    }
    for method in ["PUT", "PATCH", "BREW", "TRACE"] {
        let request = format!("{method} /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
        let status = raw(address, request.as_bytes()).status;
        assert!(matches!(status, 400 | 405 | 501), "{method}: {status}");
    }
    for depth in [1_000, 100_000, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let body = format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{{\"x\":{}1{}}}}}",
                open.repeat(depth),
                close.repeat(depth)
            );
            let status = post(address, &own, "", body.as_bytes()).status;
            assert!((400..500).contains(&status), "{depth} times `{open}`: {status}");
        }
    }
    for depth in [200, 20_000] {
        let arguments = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"quick","arguments":{{"x":{arguments}}},"_meta":{meta}}}}}"#
        );
        let headers = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: quick\r\n";
        let answer = post(address, &own, headers, body.as_bytes());
        let message = answer.message().unwrap();
        assert!(message["error"].is_object() || message["result"]["isError"] == true, "{depth} levels: {message}");
    }
    let unknown = Mcp::new(address).request("tools/steal", json!({})).unwrap();
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    for params in [json!({ "name": 7 }), json!({}), json!({ "name": "quick", "arguments": [] })] {
        let answer = Mcp::new(address).request("tools/call", params.clone()).unwrap();
        assert!(answer["error"]["code"].is_i64() || answer["result"]["isError"] == true, "{params}: {answer}");
    }
    let session = post(address, &own, "", INITIALIZE.as_bytes());
    assert_eq!(session.status, 200, "{}", session.text());
    let id = session.header("mcp-session-id").unwrap();
    let batch = br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#;
    let answer = post(address, &own, &format!("Mcp-Session-Id: {id}\r\n"), batch);
    assert_eq!(answer.status, 400, "batches ended with 2025-03-26: {}", answer.text());
    let forged = post(
        address,
        &own,
        "Mcp-Session-Id: 00000000000000000000000000000000\r\n",
        INITIALIZE.replace("initialize", "ping").as_bytes(),
    );
    assert_eq!(forged.status, 404, "{}", forged.text());
    still_works(address);
    host.stop().unwrap();
}

#[test]
fn two_requests_with_one_id_are_both_answered() {
    let (_site, host) = site();
    let address = host.address();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    // Every client counts from 1, so all these ids are in flight at once.
                    let mut client = Mcp::new(address);
                    (0..20).all(|_| client.say("quick", &json!({})).unwrap() == "5")
                })
            })
            .collect();
        assert!(clients.into_iter().all(|client| client.join().unwrap()));
    });
    host.stop().unwrap();
}

/// Numbers that look random and are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap()
    }
}

#[test]
fn ten_thousand_garbage_requests_change_nothing() {
    let (_site, host) = site();
    let address = host.address();
    let good: &[&str] = &[
        INITIALIZE,
        r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"quick","arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
    ];
    let mut numbers = Numbers(0x7469_6465_6761_7465);
    let mut http = Http::connect(address).unwrap();
    let mut send = |http: &mut Http, count: usize| {
        for _ in 0..count {
            let mut body = good[numbers.next() % good.len()].as_bytes().to_vec();
            for _ in 0..=numbers.next() % 4 {
                let at = numbers.next() % body.len();
                match numbers.next() % 3 {
                    0 => body[at] = u8::try_from(numbers.next() % 256).unwrap(),
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, b"{}[],:\"\\0"[numbers.next() % 9]),
                }
            }
            let head = format!(
                "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let request = [head.as_bytes(), &body].concat();
            let answer = http.exchange(&request).unwrap_or_else(|error| {
                panic!("{error:#}: {}", String::from_utf8_lossy(&body));
            });
            assert!((200..500).contains(&answer.status), "{}: {}", answer.status, String::from_utf8_lossy(&body));
            if answer.header("connection") == Some("close") {
                *http = Http::connect(address).unwrap();
            }
        }
    };
    send(&mut http, 1_000);
    let before = resident(host.pid()).unwrap();
    send(&mut http, 9_000);
    let grown = resident(host.pid()).unwrap().saturating_sub(before);
    assert!(grown < 32 * MIB, "the host grew by {} MiB", grown / MIB);
    still_works(address);
    host.stop().unwrap();
}

#[test]
fn what_is_no_http_is_answered_or_closed() {
    let (_site, host) = site();
    let address = host.address();
    let garbage: &[&[u8]] = &[
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /mcp\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
        b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /mcp HTTP/1.1\r\nHost : x\r\nContent-Length: -5\r\n\r\n",
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said).into_owned();
        let shown = String::from_utf8_lossy(bytes).into_owned();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "`{shown}`: {said}");
        assert_eq!(said.matches("HTTP/1.1").count().max(1), 1, "smuggled: `{shown}`: {said}");
    }
    still_works(address);
    let value: Value = json!({});
    assert_eq!(Mcp::new(address).say("quick", &value).unwrap(), "5");
    host.stop().unwrap();
}

#[test]
fn sessions_without_end_meet_a_wall() {
    let (_site, host) = site();
    let address = host.address();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{INITIALIZE}",
        INITIALIZE.len()
    );
    let mut http = Http::connect(address).unwrap();
    let before = resident(host.pid()).unwrap();
    let refused = (0..10_050).find_map(|_| {
        let answer = http.exchange(request.as_bytes()).unwrap();
        (answer.status != 200 || answer.message().unwrap()["error"].is_object()).then_some(answer)
    });
    let refused = refused.expect("anybody can open sessions without end");
    assert!(refused.status == 200 || (400..600).contains(&refused.status), "{}", refused.text());
    assert!(refused.message().unwrap()["error"]["message"].is_string(), "{}", refused.text());
    let grown = resident(host.pid()).unwrap().saturating_sub(before);
    assert!(grown < 64 * MIB, "the host grew by {} MiB", grown / MIB);
    // Clients of the modern revision need no session.
    still_works(address);
    host.stop().unwrap();
}
