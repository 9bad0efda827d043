//! What is sent: one tools/call, in both eras of the protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// What the tool is told, and must say.
const MESSAGE: &str = "high water at noon";

/// How long an answer may take: the first may wait for a compiler on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// A request over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// The modern era: everything stands in the request.
pub(crate) fn modern(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "name": "echo", "arguments": {"message": MESSAGE},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    }})
}

pub(crate) fn modern_post() -> Post {
    let mut headers = plain();
    headers.push(("MCP-Protocol-Version", "2026-07-28".to_owned()));
    headers.push(("Mcp-Method", "tools/call".to_owned()));
    headers.push(("Mcp-Name", "echo".to_owned()));
    Post { path: "/mcp", headers, body: modern(1).to_string() }
}

/// The legacy era: begins a session and calls in it.
pub(crate) fn legacy_post(address: SocketAddr) -> Result<Post> {
    let version = "2025-11-25";
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"},
    }});
    let begin = Post { path: "/mcp", headers: plain(), body: initialize.to_string() };
    let (head, _) = exchange(address, &begin)?;
    let session = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("mcp-session-id").then(|| value.trim().to_owned())
    });
    let mut headers = plain();
    headers.push(("MCP-Protocol-Version", version.to_owned()));
    headers.push(("Mcp-Session-Id", session.with_context(|| format!("no session: `{head}`"))?));
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"message": MESSAGE}}});
    Ok(Post { path: "/mcp", headers, body: call.to_string() })
}

fn plain() -> Vec<(&'static str, String)> {
    let both = "application/json, text/event-stream";
    vec![("Content-Type", "application/json".to_owned()), ("Accept", both.to_owned())]
}

/// Sends one request and checks that the answer holds what the tool was told: a fast error is no figure.
pub(crate) fn check(address: SocketAddr, post: &Post) -> Result<()> {
    let (head, body) = exchange(address, post)?;
    ensure!(head.starts_with("HTTP/1.1 200"), "not answered: `{head}` `{body}`");
    check_answer(&body)
}

pub(crate) fn check_answer(body: &str) -> Result<()> {
    ensure!(body.contains(MESSAGE) && !body.contains("\"error\""), "not the answer: `{body}`");
    Ok(())
}

fn exchange(address: SocketAddr, post: &Post) -> Result<(String, String)> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    let mut text = format!("POST {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n", post.path);
    for (name, value) in &post.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n{}", post.body.len(), post.body);
    stream.write_all(text.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("no answer from {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no HTTP: `{answer}`"))?;
    Ok((head.to_owned(), body.to_owned()))
}
