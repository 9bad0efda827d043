//! What both eras refuse, and headers.

use super::*;

#[test]
fn bad_bodies_get_their_error() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":".to_owned() + &deep + "}";
    let table: [(&[u8], i32); 26] = [
        (b"", -32700),
        (b" ", -32700),
        (b"{", -32700),
        (b"{\"jsonrpc\"", -32700),
        (b"nonsense", -32700),
        (b"\xff\xfe", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc3\x28\"}", -32700),
        (b"{\"jsonrpc\":\"2.0\"} {}", -32700),
        (b"{\"id\":1,\"id\":2,", -32700),
        (b"[1,", -32700),
        (b"null", -32600),
        (b"1", -32600),
        (b"\"a\"", -32600),
        (b"{}", -32600),
        (b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", -32602),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"name\":1,\"name\":2}}", -32602),
        (long.as_bytes(), -32602),
    ];
    for (body, code) in table {
        let response = exchange(&gateway(), Verb::Post, &PLAIN, body, None);
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert_eq!((response.status, response.code()), (400, json!(code)), "{shown}");
    }
}

#[test]
fn every_prefix_and_every_changed_byte_gets_an_answer() {
    let body = "{\"jsonrpc\":\"2.0\",\"id\":\"é\\u0041\",\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"a\":[1,2.5e3,null]},\"_meta\":{\"progressToken\":1}}}".as_bytes();
    let gateway = gateway();
    let session = begin(&gateway, "2025-11-25", json!({}));
    let headers = [&PLAIN[..], &[("Mcp-Session-Id", session.as_str())]].concat();
    for at in 0..body.len() {
        let cut = exchange(&gateway, Verb::Post, &headers, &body[..at], None);
        assert_eq!(cut.status, 400);
        for byte in [0, b'"', b'{', b'}', b'\\', b'9', 0xff] {
            let mut changed = body.to_vec();
            changed[at] = byte;
            let response = exchange(&gateway, Verb::Post, &headers, &changed, None);
            assert!(matches!(response.status, 200 | 202 | 400), "{at} {byte}: {}", response.status);
        }
    }
}

#[test]
fn the_id_comes_back_with_the_error() {
    for id in [json!(7), json!("x"), json!(-1), json!("\u{1}\n")] {
        let response = post(&gateway(), &[], &json!({"jsonrpc": "1.0", "id": id, "method": "ping"}));
        assert_eq!(response.json()["id"], id);
    }
}

#[test]
fn content_type_and_accept_are_checked() {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    let both = "application/json, text/event-stream";
    let table = [
        (None, Some(both), 415),
        (Some("text/plain"), Some(both), 415),
        (Some("application/jsonx"), Some(both), 415),
        (Some("application/json"), Some("application/json"), 406),
        (Some("application/json"), Some("text/event-stream"), 406),
        (Some("application/json"), Some("text/html"), 406),
        (Some("application/json"), Some("application/json, text/event-stream;q=0"), 406),
        // From here on the transport is content, and the missing session is next.
        (Some("application/json"), Some(both), 400),
        (Some("Application/JSON; charset=utf-8"), Some("text/*;q=0.5, application/*"), 400),
        (Some("application/json"), Some("*/*"), 400),
        (Some("application/json"), None, 400),
    ];
    for (kind, accept, status) in table {
        let mut headers = Vec::new();
        headers.extend(kind.map(|kind| ("content-type", kind)));
        headers.extend(accept.map(|accept| ("ACCEPT", accept)));
        let response = exchange(&gateway(), Verb::Post, &headers, body.as_bytes(), None);
        assert_eq!(response.status, status, "{kind:?} {accept:?}");
    }
}

#[test]
fn other_methods_of_http_are_refused() {
    let response = exchange(&gateway(), Verb::Other, &PLAIN, b"", None);
    assert_eq!((response.status, response.allow), (405, Some("GET, POST, DELETE")));
    for verb in [Verb::Get, Verb::Delete] {
        let headers = [("accept", "text/event-stream"), ("MCP-Protocol-Version", "2026-07-28")];
        let response = exchange(&gateway(), verb, &headers, b"", None);
        assert_eq!((response.status, response.allow), (405, Some("POST")));
    }
}

#[test]
fn a_body_that_is_too_long_or_breaks_off_is_said_to_be() {
    use crate::http::serve::BodyError;
    for (error, status) in [(BodyError::TooLong, 413), (BodyError::Broken, 400)] {
        let head = Head::read(PLAIN.iter().map(|(name, value)| (*name, value.as_bytes())));
        let mut response = Response::default();
        serve(&gateway(), Verb::Post, &head, || Err(error), &mut response);
        assert_eq!(response.status, status);
    }
}
