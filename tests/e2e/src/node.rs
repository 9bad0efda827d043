//! A node for one test: key, signed components, policy and state in a folder that goes with it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::Process;
use crate::{compiled, layout};

/// How long a host may take until it answers: on a busy machine it compiles its components first.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(120);

/// The configuration of a node that has one. Not `tidegate.toml`: that name belongs to tests that pass a file themselves.
const CONFIG: &str = "node.toml";

/// A prepared node that does not run yet.
#[derive(Debug)]
pub struct Node {
    folder: tempfile::TempDir,
    program: Program,
}

/// What serves.
#[derive(Debug)]
enum Program {
    /// The full binary, built in the profile of the tests.
    Full,
    /// The binary of the edge profile, built in the profile of the tests.
    Edge,
    /// Any other: a program and its first arguments.
    Other(Vec<String>),
}

impl Node {
    /// An empty node: a key named `tests`, no components, and a policy that trusts the key and grants nothing.
    ///
    /// # Errors
    /// The host is not built, or it cannot make a key.
    pub fn empty() -> Result<Self> {
        let node = Self { folder: tempfile::tempdir()?, program: Program::Full };
        for folder in ["components", "files"] {
            std::fs::create_dir(node.path(folder))?;
        }
        compiled::give(&node.path("state"))?;
        node.tidegate(&["key", "new", "--out", &node.shown("tests.key")])?;
        node.write_policy("")?;
        Ok(node)
    }

    /// A node with every shipped component, signed, each with what it asks for: `tool-files` sees the folder
    /// [`Node::files`] as `/files`, `tool-fetch` reaches no server.
    ///
    /// # Errors
    /// Something is not built or not signed.
    pub fn with_shipped_components() -> Result<Self> {
        let node = Self::empty()?;
        let mut found = 0;
        for entry in std::fs::read_dir(layout::components()?)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                node.add(&path)?;
                found += 1;
            }
        }
        ensure!(found > 0, "there are no components; run `cargo x guests`");
        node.write_policy(&node.shipped_grants(""))?;
        Ok(node)
    }

    /// A node with `protocol-mcp`, signed and allowed to serve, and these guests of the tests, each signed; `grants` are
    /// theirs.
    ///
    /// # Errors
    /// Something is not built or not signed.
    pub fn with_fixtures(names: &[&str], grants: &str) -> Result<Self> {
        let node = Self::empty()?;
        node.add(&layout::components()?.join("protocol-mcp.wasm"))?;
        for name in names {
            node.add(&layout::fixtures()?.join(format!("{name}.wasm")))?;
        }
        node.write_policy(&format!("{}{grants}", grant("protocol-mcp", "gateway = true")))?;
        Ok(node)
    }

    /// The same node, served by the binary of the edge profile. The full one still makes what it needs.
    #[must_use]
    pub fn on_edge(self) -> Self {
        Self { program: Program::Edge, ..self }
    }

    /// The same node, served by any binary of the edge profile: `command` is the program and its first arguments, such as an
    /// emulator and the binary.
    #[must_use]
    pub fn on(self, command: Vec<String>) -> Self {
        Self { program: Program::Other(command), ..self }
    }

    /// Compiles every component for this machine, and signs the code.
    ///
    /// # Errors
    /// The host is not built, or refuses one.
    pub fn compile_components(&self) -> Result<()> {
        self.compile_components_for(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH), None)
    }

    /// The same for any target of native code, and for a layout of memories; none: the target's default.
    ///
    /// # Errors
    /// The host is not built, or refuses one.
    pub fn compile_components_for(&self, target: &str, layout: Option<&str>) -> Result<()> {
        for entry in std::fs::read_dir(self.path("components"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                let key = self.shown("tests.key");
                let path = path.display().to_string();
                let mut arguments = vec!["build", "--target", target, "--key", &key, &path];
                arguments.extend(layout.iter().flat_map(|layout| ["--layout", layout]));
                self.tidegate(&arguments)?;
            }
        }
        Ok(())
    }

    /// A path in the node's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that `tool-files` sees.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.path("files")
    }

    /// Copies a component into the node and signs it.
    ///
    /// # Errors
    /// The file is not there, or is refused for signing.
    pub fn add(&self, component: &Path) -> Result<PathBuf> {
        self.sign_into("components", component)
    }

    /// Copies a component into a folder of the node, which the host does not read by itself, and signs it.
    ///
    /// # Errors
    /// The file is not there, or is refused for signing.
    pub fn sign_into(&self, folder: &str, component: &Path) -> Result<PathBuf> {
        let name = component.file_name().context("a component has a file name")?;
        std::fs::create_dir_all(self.path(folder))?;
        let copy = self.path(folder).join(name);
        std::fs::copy(component, &copy).with_context(|| format!("cannot copy `{}`", component.display()))?;
        self.tidegate(&["sign", "--key", &self.shown("tests.key"), &copy.display().to_string()])?;
        Ok(copy)
    }

    /// Writes the policy: the signer `tests`, then these grants.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn write_policy(&self, grants: &str) -> Result<()> {
        let text = format!(
            "version = 1\n\n[signers.tests]\npublic-key-file = \"tests.pub\"\nroles = [\"component\"]\n\n{grants}"
        );
        Ok(std::fs::write(self.path("policy.toml"), text)?)
    }

    /// Writes the configuration file that the node serves with.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn configure(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.path(CONFIG), text)?)
    }

    /// The grants of the shipped components; `network` is a list of destinations for `tool-fetch`, as in
    /// `"127.0.0.1:8080"` with its quotes.
    #[must_use]
    pub fn shipped_grants(&self, network: &str) -> String {
        let files = format!(
            "directories = [{{ host = \"{}\", guest = \"/files\", access = \"read-write\" }}]",
            self.files().display()
        );
        [
            grant("protocol-mcp", "gateway = true"),
            grant("protocol-openai", "gateway = true\nmodels = [\"*\"]"),
            grant("tool-time", ""),
            grant("tool-system", "system = true"),
            grant("tool-models", "models = [\"*\"]"),
            grant("tool-memory", "kv = [{ namespace = \"notes\", access = \"read-write\" }]"),
            grant("tool-files", &files),
            grant("tool-fetch", &format!("network = [{network}]")),
        ]
        .concat()
    }

    /// Runs `tidegate` with arguments to its end and gives its standard output.
    ///
    /// # Errors
    /// It failed; the error holds what it said.
    pub fn tidegate(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(layout::host()?).args(arguments).output()?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        ensure!(output.status.success(), "`tidegate {}` failed:\n{}", arguments.join(" "), said(&output.stderr));
        Ok(said(&output.stdout))
    }

    /// Starts the host on a free loopback port and waits until it answers.
    ///
    /// # Errors
    /// It ended, or did not answer in time; the error holds its log.
    pub fn serve(&self) -> Result<Host> {
        self.serve_with(|_| ())
    }

    /// The same, with arguments or an environment of the test's own.
    ///
    /// # Errors
    /// As [`Node::serve`].
    pub fn serve_with(&self, prepare: impl FnOnce(&mut Command)) -> Result<Host> {
        self.serve_at(free_address()?, prepare)
    }

    /// The same on an address that the test has chosen: see [`free_address`].
    ///
    /// # Errors
    /// As [`Node::serve`].
    pub fn serve_at(&self, address: SocketAddr, prepare: impl FnOnce(&mut Command)) -> Result<Host> {
        let program = self.program()?;
        let (program, first) = program.split_first().context("no program serves this node")?;
        let mut command = Command::new(program);
        command.args(first).args(self.run_arguments()).arg("--listen").arg(address.to_string());
        prepare(&mut command);
        let mut host = Host { process: Process::start(&mut command)?, address };
        let end = Instant::now() + START_LIMIT;
        while !answers(address) {
            if host.process.has_ended()? {
                bail!("the host ended; log:\n{}", host.log());
            }
            ensure!(Instant::now() < end, "the host did not answer within {START_LIMIT:?}; log:\n{}", host.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        compiled::keep(&self.path("state"))?;
        Ok(host)
    }

    /// The command with which a client starts this node over stdio.
    ///
    /// # Errors
    /// The host is not built.
    pub fn stdio_command(&self) -> Result<Vec<String>> {
        let mut command = self.program()?;
        command.extend(self.run_arguments());
        command.push("--stdio".to_owned());
        Ok(command)
    }

    /// Sends one command to the host that runs on this node, as `tidegate add` does, and gives the last answer.
    ///
    /// # Errors
    /// No host runs, or it refuses.
    pub fn command(&self, command: &Value) -> Result<Value> {
        let mut socket = UnixStream::connect(self.path("state/control.sock")).context("no host runs")?;
        writeln!(socket, "{command}")?;
        let mut last = Value::Null;
        for line in BufReader::new(socket).lines() {
            last = serde_json::from_str(&line?)?;
        }
        ensure!(
            !last.is_null() && last.get("reply") != Some(&Value::from("failed")),
            "the host refuses {command}: {last}"
        );
        Ok(last)
    }

    pub(crate) fn run_arguments(&self) -> Vec<String> {
        let pairs = [("--state", "state"), ("--policy", "policy.toml"), ("--components", "components")];
        let config = Some(("--config", CONFIG)).filter(|(_, name)| self.path(name).is_file());
        let named = pairs.into_iter().chain(config).flat_map(|(option, name)| [option.to_owned(), self.shown(name)]);
        std::iter::once("run".to_owned()).chain(named).collect()
    }

    /// What serves: a program and its first arguments.
    fn program(&self) -> Result<Vec<String>> {
        let binary = match &self.program {
            Program::Full => layout::host()?,
            Program::Edge => layout::edge()?,
            Program::Other(command) => return Ok(command.clone()),
        };
        Ok(vec![binary.display().to_string()])
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// A grant of the signer `tests`.
#[must_use]
pub fn grant(component: &str, lines: &str) -> String {
    format!("[[grant]]\nsigner = \"tests\"\ncomponent = \"{component}\"\n{lines}\n\n")
}

/// A host that runs; it ends with this value.
#[derive(Debug)]
pub struct Host {
    process: Process,
    address: SocketAddr,
}

impl Host {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its MCP endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it wrote to standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends it as a crash does, without a word (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill()
    }

    /// Asks it to end and waits; gives its log.
    ///
    /// # Errors
    /// It did not end in time, or not with exit code 0.
    pub fn stop(mut self) -> Result<String> {
        let success = self.process.terminate()?;
        let log = self.process.log();
        ensure!(success, "the host ended with an error; log:\n{log}");
        Ok(log)
    }
}

/// A port that is free now; the next moment another process may take it, which shows as a host that ended.
///
/// # Errors
/// There is none.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Whether something speaks HTTP there, or says in TLS that we do not.
fn answers(address: SocketAddr) -> bool {
    let limit = Duration::from_secs(2);
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 5];
        stream.read_exact(&mut start)?;
        // 21 begins an alert of TLS.
        Ok(&start == b"HTTP/" || start.first() == Some(&21))
    };
    ask().unwrap_or(false)
}
