//! HTTP without a client library: what an official client does not let a test see or do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Longest wait for a byte: a server that says nothing fails the test and does not stop it.
const SILENCE: Duration = Duration::from_secs(40);

/// An event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Its id; empty without one.
    pub id: String,
    /// Its kind; empty without one.
    pub event: String,
    /// Its data.
    pub data: String,
    /// After how many milliseconds to come back, if it says so.
    pub retry: Option<u64>,
}

/// A response that is read piece by piece. Dropping it closes the connection.
#[derive(Debug)]
pub struct Wire {
    reader: BufReader<TcpStream>,
    /// Status of HTTP.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Bytes of the body that were decoded and not yet read.
    ready: Vec<u8>,
    ended: bool,
}

impl SseEvent {
    /// The message in it.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.data).with_context(|| format!("not JSON: {self:?}"))
    }
}

impl Wire {
    /// Sends a request and reads the head of the answer.
    ///
    /// # Errors
    /// Nobody listens, or what comes back is not HTTP.
    pub fn send(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(SILENCE))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
        let mut reader = BufReader::new(stream);
        let first = line(&mut reader)?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.with_context(|| format!("not HTTP: `{first}`"))?;
        let mut headers = Vec::new();
        loop {
            let text = line(&mut reader)?;
            let Some((name, value)) = text.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Self { reader, status, headers, ready: Vec::new(), ended: false })
    }

    /// Sends a message to `/mcp` as clients of Streamable HTTP do.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub fn post(to: SocketAddr, more: &[(&str, &str)], message: &Value) -> Result<Self> {
        let usual = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
        Self::send(to, "POST", "/mcp", &[&usual[..], more].concat(), &message.to_string())
    }

    /// Sends a request of revision 2026-07-28, with what it must carry.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub fn modern(to: SocketAddr, method: &str, mut params: Value, capabilities: &Value) -> Result<Self> {
        let text = |name: &str| params.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = text("name").or(text("uri")).or(text("taskId")).unwrap_or_default();
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        });
        params.as_object_mut().context("parameters are an object")?.insert("_meta".to_owned(), meta);
        let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method), ("Mcp-Name", &name)];
        Self::post(to, &headers, &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    }

    /// Begins a session of a revision with sessions and gives its id.
    ///
    /// # Errors
    /// The server refuses.
    pub fn session(to: SocketAddr, revision: &str, capabilities: &Value) -> Result<String> {
        let info = json!({"name": "wire", "version": "1"});
        let params = json!({"protocolVersion": revision, "capabilities": capabilities, "clientInfo": info});
        let begin = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let answer = Self::post(to, &[], &begin)?;
        let id = answer.header("mcp-session-id").context("no session")?.to_owned();
        answer.text()?;
        let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        ensure!(Self::post(to, &[("Mcp-Session-Id", &id)], &done)?.status == 202, "not accepted");
        Ok(id)
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The body to its end.
    ///
    /// # Errors
    /// The connection breaks, or nothing comes for too long.
    pub fn text(mut self) -> Result<String> {
        while !self.ended {
            self.more()?;
        }
        Ok(String::from_utf8(self.ready)?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// As [`Wire::text`], and when it is none.
    pub fn json(self) -> Result<Value> {
        let text = self.text()?;
        serde_json::from_str(&text).with_context(|| format!("not JSON: `{text}`"))
    }

    /// The next event, comments left out; nothing at the end of the stream.
    ///
    /// # Errors
    /// As [`Wire::text`].
    pub fn event(&mut self) -> Result<Option<SseEvent>> {
        loop {
            if let Some(end) = self.ready.windows(2).position(|two| two == b"\n\n") {
                let text: Vec<u8> = self.ready.drain(..end + 2).collect();
                let event = parse(&String::from_utf8(text)?);
                if event != SseEvent::default() {
                    return Ok(Some(event));
                }
                continue;
            }
            if self.ended {
                return Ok(None);
            }
            self.more()?;
        }
    }

    /// All events to the end of the stream.
    ///
    /// # Errors
    /// As [`Wire::text`].
    pub fn events(mut self) -> Result<Vec<SseEvent>> {
        std::iter::from_fn(|| self.event().transpose()).collect()
    }

    /// Reads a piece of the body.
    fn more(&mut self) -> Result<()> {
        if self.header("transfer-encoding") != Some("chunked") {
            self.reader.read_to_end(&mut self.ready)?;
            self.ended = true;
            return Ok(());
        }
        let size = line(&mut self.reader)?;
        let size = usize::from_str_radix(size.trim(), 16).with_context(|| format!("no size of a chunk: `{size}`"))?;
        let mut chunk = vec![0; size];
        self.reader.read_exact(&mut chunk)?;
        self.ready.append(&mut chunk);
        line(&mut self.reader)?;
        self.ended = size == 0;
        Ok(())
    }
}

fn parse(text: &str) -> SseEvent {
    let mut event = SseEvent::default();
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => value.clone_into(&mut event.id),
            "event" => value.clone_into(&mut event.event),
            "data" => event.data.push_str(value),
            "retry" => event.retry = value.parse().ok(),
            _ => {}
        }
    }
    event
}

fn line(reader: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    ensure!(reader.read_line(&mut line)? > 0, "the connection ended");
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
