//! A folder with a key, a policy and signed components: all that the host needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::needs::Needs;

/// The fewest words that let the two components serve.
const POLICY: &str = r#"version = 1

[signers.bench]
public-key-file = "bench.pub"
roles = ["component", "native-code"]

[[grant]]
signer = "bench"
component = "protocol-mcp"
gateway = true
limits = { concurrency = 1000 }

[[grant]]
signer = "bench"
component = "echo"
limits = { concurrency = 1000 }

# More than a load can ask for, so that what is measured is work, not refusals.
[client-limits]
rate = 1000000
burst = 1000000
concurrency = 2000
tenant-rate = 1000000
tenant-burst = 1000000
tenant-concurrency = 2000

[pool]
instances = 3000
"#;

#[derive(Debug)]
pub(crate) struct Node {
    folder: tempfile::TempDir,
    host: PathBuf,
    edge: PathBuf,
}

impl Node {
    pub(crate) fn prepare(needs: &Needs) -> Result<Self> {
        // Below the target directory rather than in memory: the audit file is written as on a node.
        let folder = tempfile::tempdir_in(&needs.folder)?;
        let node = Self { folder, host: needs.host.clone(), edge: needs.edge.clone() };
        std::fs::create_dir(node.path("components"))?;
        node.tidegate(&["key", "new", "--out"], &node.path("bench.key"))?;
        std::fs::write(node.path("policy.toml"), POLICY)?;
        for component in [&needs.protocol, &needs.echo] {
            let name = component.file_name().context("a component has a file name")?;
            let copy = node.path("components").join(name);
            std::fs::copy(component, &copy)?;
            node.tidegate(&["sign", "--key", &node.path("bench.key").display().to_string()], &copy)?;
        }
        // For the edge profile, which compiles nothing.
        node.compile("generous")?;
        Ok(node)
    }

    /// Compiles the components ahead of time for this processor, with memories that lie so; signs the code.
    pub(crate) fn compile(&self, layout: &str) -> Result<()> {
        let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let key = self.path("bench.key").display().to_string();
        for component in ["protocol-mcp.wasm", "echo.wasm"] {
            let path = self.path("components").join(component);
            self.tidegate(&["build", "--target", &target, "--layout", layout, "--key", &key], &path)?;
        }
        Ok(())
    }

    /// The host as a command, with its state in `state` below the node's folder.
    pub(crate) fn host(&self, state: &str) -> Command {
        self.run(&self.host, state)
    }

    /// The host of the edge profile.
    pub(crate) fn edge(&self) -> Command {
        self.run(&self.edge, "state-edge")
    }

    fn run(&self, host: &Path, state: &str) -> Command {
        let mut command = Command::new(host);
        command.arg("run").arg("--state").arg(self.path(state));
        command.arg("--policy").arg(self.path("policy.toml")).arg("--components").arg(self.path("components"));
        command
    }

    /// Forgets a state, and with it what was compiled.
    pub(crate) fn forget(&self, state: &str) -> Result<()> {
        let path = self.path(state);
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
        Ok(())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tidegate(&self, arguments: &[&str], path: &Path) -> Result<()> {
        let output = Command::new(&self.host).args(arguments).arg(path).output().context("the host does not start")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`tidegate {}` failed: {said}", arguments.join(" "));
        Ok(())
    }
}
