//! A plain client, byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Longer than any deadline that a test sets.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection.
#[derive(Debug)]
pub struct Http {
    stream: BufReader<TcpStream>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// A client of the modern revision: every request stands alone.
#[derive(Debug)]
pub struct Mcp {
    address: SocketAddr,
    http: Option<Http>,
    next: u64,
}

impl Http {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// Reads one answer.
    ///
    /// # Errors
    /// The connection was closed without one.
    pub fn answer(&mut self) -> Result<Answer> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("no status line: `{first}`"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        answer.body = self.body(&answer)?;
        Ok(answer)
    }

    /// Sends and reads.
    ///
    /// # Errors
    /// The connection was closed without an answer.
    pub fn exchange(&mut self, bytes: &[u8]) -> Result<Answer> {
        self.send(bytes)?;
        self.answer()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the connection was closed without an answer");
        }
        Ok(line.trim_end().to_owned())
    }

    fn body(&mut self, head: &Answer) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        if head.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            loop {
                let length = usize::from_str_radix(&self.line()?, 16)?;
                let mut chunk = vec![0; length];
                self.stream.read_exact(&mut chunk)?;
                body.extend(chunk);
                self.line()?;
                if length == 0 {
                    return Ok(body);
                }
            }
        }
        let length = head.header("content-length").map_or(Ok(0), str::parse)?;
        body.resize(length, 0);
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The message in the body: JSON, or the last event of a stream.
    ///
    /// # Errors
    /// There is none.
    pub fn message(&self) -> Result<Value> {
        let text = self.text();
        let last = text.lines().filter_map(|line| line.strip_prefix("data:")).next_back().unwrap_or(&text);
        serde_json::from_str(last).with_context(|| format!("{}: `{text}`", self.status))
    }
}

impl Mcp {
    /// A client of a host.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, http: None, next: 0 }
    }

    /// Sends a request and gives the whole message that answers it.
    ///
    /// # Errors
    /// The connection was closed without an answer: no attack may do that.
    pub fn request(&mut self, method: &str, mut params: Value) -> Result<Value> {
        self.next += 1;
        let name = params.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        params.as_object_mut().context("parameters are an object")?.insert("_meta".to_owned(), meta);
        let body = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }).to_string();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n\
             Mcp-Method: {method}\r\nMcp-Name: {name}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        let mut http = match self.http.take() {
            Some(http) => http,
            None => Http::connect(self.address)?,
        };
        let message = http.exchange(head.as_bytes())?.message()?;
        self.http = Some(http);
        Ok(message)
    }

    /// Calls a tool and gives the whole message that answers it.
    ///
    /// # Errors
    /// As [`Mcp::request`].
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        self.request("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Calls a tool and gives its text, be it a result, a tool's error, or an error of the protocol.
    ///
    /// # Errors
    /// As [`Mcp::request`].
    pub fn say(&mut self, tool: &str, arguments: &Value) -> Result<String> {
        Ok(text(&self.call(tool, arguments)?))
    }

    /// The names of all tools, in the host's order.
    ///
    /// # Errors
    /// As [`Mcp::request`].
    pub fn tools(&mut self) -> Result<Vec<String>> {
        let listed = self.request("tools/list", json!({}))?;
        let tools = listed.pointer("/result/tools").and_then(Value::as_array);
        let tools = tools.with_context(|| format!("no list: {listed}"))?;
        Ok(tools.iter().filter_map(|tool| Some(tool.get("name")?.as_str()?.to_owned())).collect())
    }
}

/// What a message says: its texts, or its error.
#[must_use]
pub fn text(message: &Value) -> String {
    if let Some(error) = message.get("error") {
        return error.to_string();
    }
    let blocks = message.pointer("/result/content").and_then(Value::as_array);
    let texts = blocks.into_iter().flatten().filter_map(|block| block.get("text")?.as_str());
    texts.collect::<Vec<_>>().join("\n")
}
