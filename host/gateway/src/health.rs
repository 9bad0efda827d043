//! What a host found out about its machine.

use serde::Serialize;
use tidegate_engine::{LayoutKind, LoadError};

use crate::Host;

/// How components run on this machine, and how safe compiling them is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Health {
    /// `generous` (no bounds checks) or `compact` (with bounds checks: slower, for small address spaces).
    pub layout: &'static str,
    /// Component instances at once.
    pub instances: u32,
    /// Largest linear memory, in bytes.
    pub max_memory: u64,
    /// Address space of the whole pool, in bytes.
    pub address_space: u64,
    /// Fewer instances or less memory than was asked for, because the address space is small.
    pub reduced: bool,
    /// Landlock in the compile child: `full`, `partial` or `none`.
    pub landlock: String,
    /// Whether the compile child filters its system calls.
    pub seccomp: bool,
    /// What the compile child can do in spite of that; nothing is right.
    pub leaks: Vec<&'static str>,
}

impl Host {
    /// Starts a compile child that tries to get out, and says how the pool lies in memory.
    ///
    /// # Errors
    /// When the child does not start or does not answer.
    pub async fn health(&self) -> Result<Health, LoadError> {
        let (sandbox, probe) = self.node.engine.probe_compiler().await?;
        let layout = self.node.engine.layout();
        let leaks = [
            (probe.read_file, "read files"),
            (probe.create_file, "create files"),
            (probe.socket, "open sockets"),
            (probe.exec, "start programs"),
            (probe.thread, "start threads"),
        ];
        Ok(Health {
            layout: match layout.kind {
                LayoutKind::Generous => "generous",
                LayoutKind::Compact => "compact",
            },
            instances: layout.instances,
            max_memory: layout.max_memory,
            address_space: layout.total,
            reduced: layout.reduced,
            landlock: sandbox.landlock,
            seccomp: sandbox.seccomp,
            leaks: leaks.into_iter().filter_map(|(leaks, what)| leaks.then_some(what)).collect(),
        })
    }
}
