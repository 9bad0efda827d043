//! The official clients, driven step by step: `tests/clients/README.md` lists the steps and their answers.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::layout;
use crate::node::{Host, Node};
use crate::process::Process;

/// Longer than the programs' own limit of 30 s: they say what they waited for.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// A client library and the mode in which it negotiates the revision of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// PyPI `mcp`; mode `auto`, `legacy` or `2026-07-28`.
    Python(&'static str),
    /// `@modelcontextprotocol/client`; mode `auto`, `legacy` or `2026-07-28`.
    TypeScript(&'static str),
    /// `@modelcontextprotocol/sdk`, the first generation: legacy revisions only.
    TypeScriptV1,
}

impl Library {
    /// Whether this library in this mode ends up with the revision 2026-07-28 when the server speaks it.
    #[must_use]
    pub fn is_modern(self) -> bool {
        matches!(self, Self::Python(mode) | Self::TypeScript(mode) if mode != "legacy")
    }

    fn command(self) -> Result<Command> {
        let programs = layout::programs();
        let (program, mode) = match self {
            Self::Python(mode) => {
                let mut command = Command::new(layout::python()?);
                command.arg(programs.join("python/client.py")).arg(mode);
                return Ok(command);
            }
            Self::TypeScript(mode) => ("node/client.cjs", mode),
            Self::TypeScriptV1 => ("node/sdk.cjs", "legacy"),
        };
        let mut command = node_js()?;
        command.arg(programs.join(program)).arg(mode);
        Ok(command)
    }
}

/// How client and host talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Streamable HTTP on a loopback port; the host is started first.
    Http,
    /// The client starts the host and talks over its standard input and output.
    Stdio,
}

/// A connected client.
#[derive(Debug)]
pub struct Client {
    process: Process,
    /// The host that was started for it, over HTTP.
    host: Option<Host>,
    connected: Value,
}

impl Client {
    /// Connects a client to a node of its own: over HTTP the host is started, over stdio the client starts it.
    ///
    /// # Errors
    /// The host did not start, or the client was refused; the error holds what both said.
    pub fn connect(library: Library, transport: Transport, node: &Node) -> Result<Self> {
        match transport {
            Transport::Http => {
                let host = node.serve()?;
                let mut client = Self::connect_to(library, &host.url())?;
                client.host = Some(host);
                Ok(client)
            }
            Transport::Stdio => Self::start(library.command()?.arg("stdio").args(node.stdio_command()?)),
        }
    }

    /// Connects a client to a host that runs already.
    ///
    /// # Errors
    /// The client was refused.
    pub fn connect_to(library: Library, url: &str) -> Result<Self> {
        Self::start(library.command()?.args(["http", url]))
    }

    /// Connects the first generation of the TypeScript library so that it answers questions.
    ///
    /// # Errors
    /// The client was refused.
    pub fn connect_answering(url: &str) -> Result<Self> {
        let mut command = node_js()?;
        command.arg(layout::programs().join("node/sdk.cjs")).args(["answering", "http", url]);
        Self::start(&mut command)
    }

    /// Connects a client over HTTP+SSE, the transport of 2024-11-05, to a host that runs already. It answers questions: see
    /// `tests/clients/README.md`.
    ///
    /// # Errors
    /// The client was refused.
    pub fn connect_sse(library: Library, host: &Host) -> Result<Self> {
        Self::start(library.command()?.args(["sse", &format!("http://{}/sse", host.address())]))
    }

    /// Connects a client that proves who it is: `access` is an object with `key`, or with `flow`, `issuer`, `client_id` and
    /// `client_secret`; `roots` is a file of certificates that it believes, `socket` (Python) a Unix socket to connect to.
    ///
    /// # Errors
    /// The client was refused.
    pub fn connect_as(library: Library, url: &str, access: &Value) -> Result<Self> {
        let mut command = library.command()?;
        if let Some(roots) = access.get("roots").and_then(Value::as_str) {
            command.env("NODE_EXTRA_CA_CERTS", roots);
        }
        Self::start(command.args(["http", url, &access.to_string()]))
    }

    /// Connects a client over stdio to any command.
    ///
    /// # Errors
    /// The command does not start, or the client was refused.
    pub fn connect_command(library: Library, server: &[String]) -> Result<Self> {
        Self::start(library.command()?.arg("stdio").args(server))
    }

    fn start(command: &mut Command) -> Result<Self> {
        let process = Process::start(command)?;
        let first = process.read_line(ANSWER_LIMIT)?;
        let mut first: Value = serde_json::from_str(&first).with_context(|| format!("not JSON: `{first}`"))?;
        match first.get_mut("connected").map(Value::take) {
            Some(connected) => Ok(Self { process, host: None, connected }),
            None => bail!("the client did not connect: {first}; log:\n{}", process.log()),
        }
    }

    /// What the client learnt when it connected: `protocol`, `server`, `capabilities`.
    #[must_use]
    pub fn connected(&self) -> &Value {
        &self.connected
    }

    /// The host, when it was started by [`Client::connect`] over HTTP.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// Does one step and gives its answer, also when that is an error of the protocol.
    ///
    /// # Errors
    /// The client program died or did not answer in time.
    pub fn step(&mut self, step: &Value) -> Result<Value> {
        self.begin(step)?;
        self.answer()
    }

    /// Calls a tool and gives its result.
    ///
    /// # Errors
    /// The call was refused by the protocol, or the tool says that it failed.
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        let step = serde_json::json!({ "do": "call", "tool": tool, "arguments": arguments });
        let mut answer = self.step(&step)?;
        let result = answer.get_mut("result").map(Value::take);
        let result = result.with_context(|| format!("`{tool}` was refused: {answer}"))?;
        ensure!(result.get("isError") != Some(&Value::Bool(true)), "`{tool}` failed: {result}");
        Ok(result)
    }

    /// What was written to standard error so far by the host, and over stdio by the client too, which passes it on.
    #[must_use]
    pub fn log(&self) -> String {
        self.host.as_ref().map_or_else(|| self.process.log(), Host::log)
    }

    /// Starts a step without waiting for its answer: see [`Client::answer`].
    ///
    /// # Errors
    /// The client program died.
    pub fn begin(&mut self, step: &Value) -> Result<()> {
        self.process.write_line(&step.to_string())
    }

    /// The answer of a step that [`Client::begin`] started.
    ///
    /// # Errors
    /// As those of [`Client::step`].
    pub fn answer(&mut self) -> Result<Value> {
        let line = self.process.read_line(ANSWER_LIMIT)?;
        serde_json::from_str(&line).with_context(|| format!("not JSON: `{line}`"))
    }

    /// Disconnects and waits for the program, then for the host.
    ///
    /// # Errors
    /// Either did not end properly.
    pub fn close(mut self) -> Result<()> {
        ensure!(self.process.finish()?, "the client ended with an error; log:\n{}", self.process.log());
        self.host.take().map_or(Ok(()), |host| host.stop().map(drop))
    }
}

/// Runs the Inspector in its command line mode: `era` is `legacy`, `modern` or `auto`; `target` an URL or a command.
/// Gives the result of the method.
///
/// # Errors
/// It failed; the error holds what it said.
pub fn inspect(era: &str, target: &[String], method: &[&str]) -> Result<Value> {
    let home = tempfile::tempdir()?;
    let mut command = node_js()?;
    command
        .arg(layout::node_modules()?.join("@modelcontextprotocol/inspector/clients/launcher/build/index.js"))
        .args(["--cli", "--protocol-era", era, "--format", "json", "--quiet"])
        .args(method)
        // It keeps settings in the home directory; a test has its own.
        .env("HOME", home.path());
    match target {
        [url] if url.starts_with("http") => command.args(["--transport", "http", "--server-url", url]),
        _ => command.arg("--").args(target),
    };
    let output = command.output().context("the Inspector does not start")?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "the Inspector failed: {stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let mut answer: Value = serde_json::from_str(&stdout).with_context(|| format!("not JSON: `{stdout}`"))?;
    answer.get_mut("result").map(Value::take).with_context(|| format!("no result: `{stdout}`"))
}

/// The command of a server made with the official SDK, over stdio: tools `add`, `count`, `sleep`, `grow`, `fail`.
///
/// # Errors
/// The clients are not installed.
pub fn reference_server() -> Result<Vec<String>> {
    let program = layout::programs().join("python/reference_server.py");
    Ok([layout::python()?.display().to_string(), program.display().to_string(), "stdio".to_owned()].to_vec())
}

pub(crate) fn node_js() -> Result<Command> {
    let modules = layout::node_modules()?;
    let mut command = Command::new(modules.join(".bin/node"));
    command.env("NODE_PATH", &modules);
    Ok(command)
}
