//! The real binary on a node of its own. In a build of the whole workspace it has a compiler linked, which it must not use:
//! what it says must be the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tidegate::attestation::{Algorithm, PrivateKey, sign};
use tidegate::bundle::Bundle;

const ADD: &str = r#"(component
    (core module $m (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
    (core instance $i (instantiate $m))
    (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add"))))"#;

struct Node {
    folder: tempfile::TempDir,
    key: PrivateKey,
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Node {
    fn new() -> Self {
        let node =
            Self { folder: tempfile::tempdir().unwrap(), key: PrivateKey::generate(Algorithm::Ed25519).unwrap() };
        std::fs::write(node.path("tests.pub"), node.key.public_key().to_pem()).unwrap();
        let policy = "version = 1\n\n[signers.tests]\npublic-key-file = \"tests.pub\"\n";
        std::fs::write(node.path("policy.toml"), policy).unwrap();
        let bytes = wat::parse_str(ADD).unwrap();
        let signature =
            sign(&Bundle::new(bytes.clone(), Vec::new()).unwrap(), &"adder@1.0.0".parse().unwrap(), &node.key);
        std::fs::write(node.path("adder.wasm"), bytes).unwrap();
        std::fs::write(node.path("adder.wasm.sigstore.json"), signature.unwrap()).unwrap();
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-edge"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.env("TIDEGATE_STATE", self.path("state")).env("TIDEGATE_POLICY", self.path("policy.toml"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Ended {
    #[track_caller]
    fn with(self, code: i32, out: &str, err: &str) -> Self {
        let Self { code: ended, out: said, err: complained } = &self;
        assert_eq!(*ended, Some(code), "{said}\n{complained}");
        assert!(said.contains(out), "`{out}` is not in\n{said}");
        assert!(complained.contains(err), "`{err}` is not in\n{complained}");
        self
    }
}

#[test]
fn a_component_that_would_have_to_be_compiled_is_refused_with_what_to_do() {
    let node = Node::new();
    node.run(&["verify", "adder.wasm"]).with(0, "verified adder@1.0.0, signed by tests", "");
    node.run(&["add", "adder.wasm"]).with(3, "", "this host does not compile");
    let error = node.run(&["--json", "add", "adder.wasm"]).with(3, "", "has no native code for").err;
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["error"]["kind"], "refused");
    node.run(&["list", "--components", "adder.wasm"]).with(0, "this host does not compile", "");
}

#[test]
fn verifying_needs_a_key_that_is_believed() {
    let node = Node::new();
    let stranger = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    std::fs::write(node.path("stranger.pub"), stranger.public_key().to_pem()).unwrap();
    node.run(&["verify", "--key", "tests.pub", "adder.wasm"]).with(0, "signed by tests", "");
    node.run(&["verify", "--key", "stranger.pub", "adder.wasm"]).with(3, "", "error:");
    node.run(&["verify", "nothing.wasm"]).with(5, "", "nothing.wasm");
    let mut bytes = std::fs::read(node.path("adder.wasm")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(node.path("adder.wasm"), bytes).unwrap();
    assert_ne!(node.run(&["verify", "adder.wasm"]).code, Some(0));
}

#[test]
fn keys_of_clients_come_and_go() {
    let node = Node::new();
    let made = node.run(&["access", "add-key", "phone", "--json"]).with(0, "", "");
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!((&made["name"], made["key"].as_str().is_some_and(|key| key.len() > 20)), (&json!("phone"), true));
    node.run(&["access", "add-key", "phone"]).with(2, "", "phone");
    node.run(&["access", "list"]).with(0, "key:phone", "");
    node.run(&["access", "remove", "phone"]).with(0, "removed phone", "");
    node.run(&["access", "remove", "phone"]).with(5, "", "phone");
}

#[test]
fn a_host_serves_until_it_is_told_to_end() {
    let node = Node::new();
    let mut command = node.command(&["run", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let mut host = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(host.stderr.take().unwrap()).lines().map(Result::unwrap);
    let serving = lines.find(|line| line.contains("serving on http://127.0.0.1:")).expect("it serves");
    assert!(serving.contains("no component answers"), "{serving}");
    node.run(&["list"]).with(0, "no components", "");
    node.run(&["run"]).with(2, "", "another host runs");
    node.run(&["remove", "nothing"]).with(5, "", "there is no component `nothing`");
    assert!(Command::new("kill").arg(host.id().to_string()).status().unwrap().success());
    assert!(lines.any(|line| line == "stopped"));
    assert_eq!(host.wait().unwrap().code(), Some(0));
    assert!(!Path::new(&node.path("state/control.sock")).exists());
}

#[test]
fn help_and_mistakes_end_as_everywhere() {
    let node = Node::new();
    node.run(&["--help"]).with(0, "Usage: tidegate", "");
    node.run(&["--version"]).with(0, "edge profile", "");
    node.run(&[]).with(2, "", "no command is named");
    let error = node.run(&["--json", "doctor"]).with(2, "", "").err;
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["error"]["kind"], "usage");
}
