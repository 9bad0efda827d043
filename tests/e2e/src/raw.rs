//! Requests and byte streams as no client library sends them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header, names in lower case.
    pub head: String,
    /// The body, put together.
    pub body: String,
}

impl Answer {
    /// The messages of the body: JSON, or the events of a stream.
    ///
    /// # Errors
    /// Something in it is no JSON.
    pub fn messages(&self) -> Result<Vec<Value>> {
        if !self.head.contains("text/event-stream") {
            return Ok(vec![serde_json::from_str(&self.body).with_context(|| format!("no JSON: `{}`", self.body))?]);
        }
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        data.filter(|text| !text.trim().is_empty()).map(|text| Ok(serde_json::from_str(text)?)).collect()
    }

    /// The last message.
    ///
    /// # Errors
    /// There is none.
    pub fn message(&self) -> Result<Value> {
        self.messages()?.pop().with_context(|| format!("{}: nothing", self.status))
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    }
}

/// Sends a POST on a connection of its own, with these headers besides the usual ones.
///
/// # Errors
/// There is no answer.
pub fn post(address: SocketAddr, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let mut all = String::from("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n");
    headers.iter().for_each(|(name, value)| all.push_str(&format!("{name}: {value}\r\n")));
    send(address, "POST", &all, body)
}

/// Sends any request on a connection of its own; `headers` are whole lines.
///
/// # Errors
/// There is no answer.
pub fn send(address: SocketAddr, verb: &str, headers: &str, body: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "{verb} /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, rest) = text.split_once("\r\n\r\n").with_context(|| format!("no header: `{text}`"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    let (start, lines) = head.split_once("\r\n").unwrap_or((head, ""));
    let lower = |line: &str| {
        line.split_once(':').map_or_else(|| line.to_owned(), |(name, value)| format!("{}:{value}", name.to_lowercase()))
    };
    let head = lines.lines().map(lower).fold(start.to_owned(), |all, line| all + "\n" + &line);
    let body = if head.contains("transfer-encoding: chunked") { whole(rest) } else { rest.to_owned() };
    Ok(Answer { status, head, body })
}

/// A chunked body, put together.
fn whole(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let Some(chunk) = usize::from_str_radix(length.trim(), 16).ok().and_then(|length| after.get(..length)) else {
            break;
        };
        body.push_str(chunk);
        rest = after.get(chunk.len() + 2..).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
    }
    body
}

/// A request of the revision 2026-07-28, with its headers.
///
/// # Errors
/// There is no answer.
pub fn modern(address: SocketAddr, method: &str, params: &Value, meta: &Value) -> Result<Answer> {
    let body = modern_body(&json!(1), method, params, meta);
    let name = ["name", "uri", "taskId"].iter().find_map(|key| params.get(key)?.as_str()).unwrap_or_default();
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method), ("Mcp-Name", name)];
    post(address, &headers, &body.to_string())
}

/// The body of such a request.
#[must_use]
pub fn modern_body(id: &Value, method: &str, params: &Value, meta: &Value) -> Value {
    let mut all = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    if let (Some(all), Some(meta)) = (all.as_object_mut(), meta.as_object()) {
        all.extend(meta.clone());
    }
    let mut params = params.clone();
    if let Some(params) = params.as_object_mut() {
        params.insert("_meta".to_owned(), all);
    }
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// A host on standard input and output.
#[derive(Debug)]
pub struct Stream {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Stream {
    /// Starts one.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(command: &[String]) -> Result<Self> {
        let (program, arguments) = command.split_first().context("no command")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let input = child.stdin.take();
        Ok(Self { child, input, output })
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// It no longer reads.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let input = self.input.as_mut().context("its input is closed")?;
        input.write_all(bytes)?;
        Ok(input.flush()?)
    }

    /// Writes a message and a line break.
    ///
    /// # Errors
    /// It no longer reads.
    pub fn say(&mut self, message: &Value) -> Result<()> {
        self.write(format!("{message}\n").as_bytes())
    }

    /// The next message.
    ///
    /// # Errors
    /// What comes is none, or nothing comes any more.
    pub fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "the output ended");
        serde_json::from_str(&line).with_context(|| format!("no message: `{line}`"))
    }

    /// Writes a message and gives the next one.
    ///
    /// # Errors
    /// As [`Stream::say`] and [`Stream::hear`].
    pub fn ask(&mut self, message: &Value) -> Result<Value> {
        self.say(message)?;
        self.hear()
    }

    /// Closes its input, and gives what it still says and whether it ended well.
    ///
    /// # Errors
    /// It says what is no message.
    pub fn close(mut self) -> Result<(Vec<Value>, bool)> {
        drop(self.input.take());
        let mut rest = Vec::new();
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            rest.push(serde_json::from_str(&line).with_context(|| format!("no message: `{line}`"))?);
            line.clear();
        }
        Ok((rest, self.child.wait()?.success()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
