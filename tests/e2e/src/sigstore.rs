//! A private Sigstore on loopback, and the official signers and verifiers: `tests/sigstore/README.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::layout;
use crate::process::Process;

/// Longest start of the services: two key pairs and Node.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The one who signs unless a test says otherwise.
pub const IDENTITY: &str = "https://ci.sigstore.test/release";
/// Who vouches for it.
pub const ISSUER: &str = "https://issuer.sigstore.test";

/// Running services, and the files that clients of them need, in a folder.
#[derive(Debug)]
pub struct Sigstore {
    process: Process,
    folder: PathBuf,
}

/// An official implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Official {
    /// PyPI `sigstore`.
    Python,
    /// `@sigstore/sign` and `@sigstore/verify`.
    JavaScript,
}

impl Sigstore {
    /// Starts services of their own; their files go into `folder`: `root.json`, `config.json`, `trust.json` (both, as the
    /// Python tools have it), and `token`, with which one signs as [`IDENTITY`].
    ///
    /// # Errors
    /// The programs are not installed, or do not start.
    pub fn start(folder: &Path) -> Result<Self> {
        let mut command = node()?;
        command.arg(programs().join("node/services.cjs")).arg(format!("{ISSUER} {IDENTITY}"));
        let process = Process::start(&mut command)?;
        let line: Value = serde_json::from_str(&process.read_line(START_LIMIT)?)?;
        std::fs::create_dir_all(folder)?;
        let part = |pointer: &str| line.pointer(pointer).with_context(|| format!("the services gave no `{pointer}`"));
        let (root, config) = (part("/trustedRoot")?, part("/signingConfig")?);
        let trust = json!({
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": root,
            "signingConfig": config,
        });
        let token = part("/tokens/0")?.as_str().context("the services gave no token")?;
        std::fs::write(folder.join("root.json"), root.to_string())?;
        std::fs::write(folder.join("config.json"), config.to_string())?;
        std::fs::write(folder.join("trust.json"), trust.to_string())?;
        std::fs::write(folder.join("token"), token)?;
        Ok(Self { process, folder: folder.to_owned() })
    }

    /// A file of theirs.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Signs a statement with an official implementation.
    ///
    /// # Errors
    /// It refused; the error holds what it said.
    pub fn sign(&self, by: Official, statement: &Path, out: &Path) -> Result<()> {
        let (mut command, config) = client(by)?;
        command.args([Path::new("sign"), statement, &self.file(config.signing), &self.file("token"), out]);
        run(&mut command)
    }

    /// Verifies a signature file over `artifact` with an official implementation, for exactly this name.
    ///
    /// # Errors
    /// It refused; the error holds what it said.
    pub fn verify(&self, by: Official, bundle: &Path, identity: &str, artifact: &Path) -> Result<()> {
        let (mut command, config) = client(by)?;
        command.arg("verify").arg(bundle).arg(self.file(config.verifying)).args([identity, ISSUER]).arg(artifact);
        run(&mut command)
    }

    /// Verifies a signature file with the Python command line, which knows nothing but its files.
    ///
    /// # Errors
    /// It refused; the error holds what it said.
    pub fn verify_with_command(&self, bundle: &Path, artifact: &Path) -> Result<()> {
        let mut command = Command::new(python()?);
        command.args(["-m", "sigstore", "--trust-config"]).arg(self.file("trust.json"));
        command.args(["verify", "identity", "--offline", "--bundle"]).arg(bundle);
        run(command.args(["--cert-identity", IDENTITY, "--cert-oidc-issuer", ISSUER]).arg(artifact))
    }

    /// Ends the services.
    ///
    /// # Errors
    /// They do not end.
    pub fn stop(&mut self) -> Result<()> {
        ensure!(self.process.finish()?, "the services failed; log:\n{}", self.process.log());
        Ok(())
    }
}

/// Writes every signature file that nobody should accept, and good ones, about a component: `FOLDER/CASE.json`. Gives the
/// names of the cases.
///
/// # Errors
/// The programs are not installed, or fail.
pub fn forge(component: &Path, name: &str, version: &str, folder: &Path) -> Result<Vec<String>> {
    std::fs::create_dir_all(folder)?;
    let mut command = node()?;
    command.arg(programs().join("node/forge.cjs")).arg(component).args([name, version]).arg(folder);
    let output = command.output().context("the forge does not start")?;
    ensure!(output.status.success(), "the forge failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

struct Files {
    signing: &'static str,
    verifying: &'static str,
}

fn client(by: Official) -> Result<(Command, Files)> {
    match by {
        Official::Python => {
            let mut command = Command::new(python()?);
            command.arg(programs().join("python/client.py"));
            Ok((command, Files { signing: "trust.json", verifying: "trust.json" }))
        }
        Official::JavaScript => {
            let mut command = node()?;
            command.arg(programs().join("node/client.cjs"));
            Ok((command, Files { signing: "config.json", verifying: "root.json" }))
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context("the client does not start")?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "refused:\n{}{}", said(&output.stdout), said(&output.stderr));
    Ok(())
}

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sigstore")
}

fn python() -> Result<PathBuf> {
    layout::client("sigstore-python/bin/python")
}

fn node() -> Result<Command> {
    let modules = layout::client("sigstore-node/node_modules")?;
    let mut command = Command::new(modules.join(".bin/node"));
    command.env("NODE_PATH", modules);
    Ok(command)
}
