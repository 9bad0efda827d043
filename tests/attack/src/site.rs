//! A node and its policy, grant by grant.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use tidegate_e2e::{Host, Node, components, fixtures};

use crate::guests;

/// A prepared node: the MCP protocol, and what a test adds.
#[derive(Debug)]
pub struct Site {
    node: Node,
    policy: String,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Said {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Site {
    /// A node that serves MCP and has no tools.
    ///
    /// # Errors
    /// Something is not built.
    pub fn new() -> Result<Self> {
        let mut site = Self { node: Node::empty()?, policy: String::new() };
        site.shipped("protocol-mcp", "gateway = true")?;
        Ok(site)
    }

    /// Adds a shipped component; `lines`: the items of its `[[grant]]`.
    ///
    /// # Errors
    /// It is not built.
    pub fn shipped(&mut self, name: &str, lines: &str) -> Result<PathBuf> {
        let path = self.node.add(&components()?.join(format!("{name}.wasm")))?;
        self.grant(name, lines)?;
        Ok(path)
    }

    /// Adds a guest of `tests/fixtures`.
    ///
    /// # Errors
    /// It is not built.
    pub fn fixture(&mut self, name: &str, lines: &str) -> Result<PathBuf> {
        let path = self.node.add(&fixtures()?.join(format!("{name}.wasm")))?;
        self.grant(name, lines)?;
        Ok(path)
    }

    /// Adds a guest of `guests/`.
    ///
    /// # Errors
    /// Its text is wrong.
    pub fn guest(&mut self, name: &str, lines: &str) -> Result<PathBuf> {
        let path = guests::build(name, &self.path("components"))?;
        self.sign(&path, name)?;
        self.grant(name, lines)?;
        Ok(path)
    }

    /// Signs a component that has no manifest.
    ///
    /// # Errors
    /// It is no component.
    pub fn sign(&self, path: &Path, name: &str) -> Result<()> {
        let key = self.shown("tests.key");
        let arguments = ["sign", "--key", &key, "--name", name, "--version", "1.0.0", &path.display().to_string()];
        self.node.tidegate(&arguments).map(drop)
    }

    /// Adds a `[[grant]]` for a component.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn grant(&mut self, component: &str, lines: &str) -> Result<()> {
        self.policy(&format!("[[grant]]\nsigner = \"tests\"\ncomponent = \"{component}\"\n{lines}\n\n"))
    }

    /// Adds lines to the policy.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn policy(&mut self, lines: &str) -> Result<()> {
        self.policy.push_str(lines);
        self.node.write_policy(&self.policy)
    }

    /// A path in the node's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.node.path(name)
    }

    /// The same as text.
    #[must_use]
    pub fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Starts the host with the components of the node.
    ///
    /// # Errors
    /// It does not start.
    pub fn serve(&self) -> Result<Host> {
        self.node.serve()
    }

    /// Runs `tidegate COMMAND ARGUMENTS` for this node's state and policy, to its end.
    ///
    /// # Errors
    /// The binary is not built.
    pub fn tidegate(&self, command: &str, arguments: &[&str]) -> Result<Said> {
        let mut process = Command::new(tidegate_e2e::host()?);
        process.arg(command).args(["--state", &self.shown("state"), "--policy", &self.shown("policy.toml")]);
        Said::of(process.args(arguments))
    }

    /// Adds a component with `tidegate add`: to the running host, if one runs.
    ///
    /// # Errors
    /// The binary is not built.
    pub fn add(&self, path: &Path) -> Result<Said> {
        self.tidegate("add", &[&path.display().to_string()])
    }
}

impl Said {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// It does not start.
    pub fn of(command: &mut Command) -> Result<Self> {
        let output = command.output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) })
    }
}
