//! What is sent: one tools/call, in both eras of the protocol.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// What a tool is told, and must say: so many bytes, the same for everybody.
pub(crate) fn told(bytes: usize) -> String {
    "high water at noon ".chars().cycle().take(bytes).collect()
}

/// How long an answer may take: the first may wait for a compiler on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// A request over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Post {
    /// The request as it is sent, with this `Connection`.
    pub(crate) fn text(&self, address: SocketAddr, connection: &str) -> String {
        let mut text = format!("POST {} HTTP/1.1\r\nHost: {address}\r\nConnection: {connection}\r\n", self.path);
        for (name, value) in &self.headers {
            // Writing to a string does not fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        text
    }
}

/// The modern era: everything stands in the request.
pub(crate) fn modern(id: u64, told: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "name": "echo", "arguments": {"message": told},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    }})
}

pub(crate) fn modern_post(told: &str) -> Post {
    let mut headers = plain();
    headers.push(("MCP-Protocol-Version", "2026-07-28".to_owned()));
    headers.push(("Mcp-Method", "tools/call".to_owned()));
    headers.push(("Mcp-Name", "echo".to_owned()));
    Post { path: "/mcp", headers, body: modern(1, told).to_string() }
}

/// The legacy era: begins a session and calls in it.
pub(crate) fn legacy_post(address: SocketAddr, told: &str) -> Result<Post> {
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
        "params": {"name": "echo", "arguments": {"message": told}}});
    Ok(Post { path: "/mcp", headers, body: call.to_string() })
}

fn plain() -> Vec<(&'static str, String)> {
    let both = "application/json, text/event-stream";
    vec![("Content-Type", "application/json".to_owned()), ("Accept", both.to_owned())]
}

/// Sends one request and checks that the answer holds what the tool was told: a fast error is no figure.
pub(crate) fn check(address: SocketAddr, post: &Post, told: &str) -> Result<()> {
    let (head, body) = exchange(address, post)?;
    ensure!(head.starts_with("HTTP/1.1 200"), "not answered: `{head}` `{}`", beginning(&body));
    check_answer(&body, told)
}

pub(crate) fn check_answer(body: &str, told: &str) -> Result<()> {
    ensure!(body.contains(told) && !body.contains("\"error\""), "not the answer: `{}`", beginning(body));
    Ok(())
}

/// As much of a text as a person reads.
fn beginning(text: &str) -> String {
    text.chars().take(2_000).collect()
}

fn exchange(address: SocketAddr, post: &Post) -> Result<(String, String)> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(post.text(address, "close").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("no answer from {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no HTTP: `{answer}`"))?;
    Ok((head.to_owned(), body.to_owned()))
}
