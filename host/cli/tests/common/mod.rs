//! A node of its own for each test, and the real binary to act on it.
#![allow(dead_code, reason = "no test file uses everything")]

pub(crate) mod registry;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a host may take to start or end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Adds two numbers; `boom` traps.
pub(crate) const ADD: &str = r#"(component
    (core module $m
        (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
        (func (export "boom") unreachable))
    (core instance $i (instantiate $m))
    (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add")))
    (func (export "boom") (canon lift (core func $i "boom"))))"#;

/// Wants to see the state of the node.
pub(crate) const NOSY: &str = r#"(component
    (import "tidegate:host/system@0.1.0" (instance))
    (core module $m (func (export "look") (result i32) i32.const 1))
    (core instance $i (instantiate $m))
    (func (export "look") (result s32) (canon lift (core func $i "look"))))"#;

/// Folder, key `tests.key`, and a policy that believes it and grants nothing.
pub(crate) struct Node {
    folder: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Node {
    pub(crate) fn new() -> Self {
        let node = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(node.path("home")).unwrap();
        node.run(&["key", "new", "--out", "tests.key"]).success();
        node.write_policy("");
        node
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write_policy(&self, more: &str) {
        let text = format!("version = 1\n\n[signers.tests]\npublic-key-file = \"tests.pub\"\n\n{more}");
        std::fs::write(self.path("policy.toml"), text).unwrap();
    }

    /// Writes a component from its text; with a manifest, if it gets one.
    pub(crate) fn component(&self, file: &str, text: &str, manifest: Option<&str>) -> PathBuf {
        let mut bytes = wat::parse_str(text).unwrap();
        if let Some(manifest) = manifest {
            bytes = tidegate::bundle::embed_manifest(&bytes, manifest).unwrap();
        }
        std::fs::write(self.path(file), bytes).unwrap();
        self.path(file)
    }

    /// A component that adds, `adder@1.0.0`, signed.
    pub(crate) fn signed_adder(&self) {
        self.component("adder.wasm", ADD, None);
        self.run(&["sign", "--key", "tests.key", "--name", "adder", "--version", "1.0.0", "adder.wasm"]).success();
    }

    /// A receipt of this node for a component, as `tidegate build` writes it.
    pub(crate) fn receipt(&self, file: &str, reference: &str) {
        let key = tidegate::StatePaths::open(&self.path("state")).unwrap().load_host_key().unwrap();
        let digest = tidegate::reference::Digest::of(&std::fs::read(self.path(file)).unwrap());
        let receipt = tidegate::attestation::receipt(&key, digest, &reference.parse().unwrap());
        std::fs::write(self.path(&format!("{file}.receipt")), receipt).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.path("home")).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TIDEGATE_STATE", self.path("state")).env("TIDEGATE_POLICY", self.path("policy.toml"));
        command
    }

    /// Runs `tidegate` to its end, in the node's folder, with its state directory and policy.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&mut self.command(arguments))
    }

    /// Starts a host on a free port and waits until it serves.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Host {
        self.serve_with(arguments, &[])
    }

    /// As `serve`, with more environment variables.
    pub(crate) fn serve_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Host {
        let mut command = self.command(&["run", "--listen", "127.0.0.1:0"]);
        command.envs(variables.iter().copied());
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (send, lines) = channel();
        let said = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || said.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
        let mut host = Host { child, lines, log: String::new() };
        host.read_until("serving on http://");
        host
    }
}

impl Ended {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// It ended with this code and said all of this on standard error.
    #[track_caller]
    pub(crate) fn failure(self, code: i32, says: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        for text in says {
            assert!(self.err.contains(text), "`{text}` is not in\n{}", self.err);
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let value: Value = serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        value["error"].clone()
    }
}

/// A host that runs; it ends with this value.
pub(crate) struct Host {
    child: Child,
    lines: Receiver<String>,
    pub(crate) log: String,
}

impl Host {
    /// Reads its log until a line has this text; gives the line.
    #[track_caller]
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("the host did not say `{text}`:\n{}", self.log));
            self.log.push_str(&line);
            self.log.push('\n');
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends SIGTERM and gives exit code and log.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let kill = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.log.extend(self.lines.iter().flat_map(|line| [line, "\n".to_owned()]));
                return (status.code(), std::mem::take(&mut self.log));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the host did not end:\n{}", self.log);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
