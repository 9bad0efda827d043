//! A host at a Unix socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::node::{Node, START_LIMIT};
use crate::process::Process;
use crate::{compiled, layout};

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host that listens at a Unix socket; it ends with this value.
#[derive(Debug)]
pub struct UnixHost {
    process: Process,
    socket: PathBuf,
}

impl UnixHost {
    /// Starts the host of a node at a socket in the node's folder, with the configuration file `tidegate.toml` there, and
    /// waits until it answers.
    ///
    /// # Errors
    /// It ended, or did not answer in time; the error holds its log.
    pub fn serve(node: &Node) -> Result<Self> {
        let socket = node.path("node.sock");
        std::fs::write(node.path("tidegate.toml"), format!("listen = \"unix:{}\"\n", socket.display()))?;
        let mut command = Command::new(layout::host()?);
        command.args(node.run_arguments()).arg("--config").arg(node.path("tidegate.toml"));
        let mut host = Self { process: Process::start(&mut command)?, socket };
        let end = Instant::now() + START_LIMIT;
        while !host.exchange("GET /healthz HTTP/1.1\r\nHost: localhost\r\n").is_ok_and(|said| said.contains(" 200 ")) {
            if host.process.has_ended()? {
                bail!("the host ended; log:\n{}", host.process.log());
            }
            ensure!(Instant::now() < end, "no answer within {START_LIMIT:?}; log:\n{}", host.process.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        compiled::keep(&node.path("state"))?;
        Ok(host)
    }

    /// Where its socket is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Sends a request without a body on a connection of its own and gives all that comes back; `head`: its lines.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn exchange(&self, head: &str) -> Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "{head}Connection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Asks it to end and waits; gives its log.
    ///
    /// # Errors
    /// It did not end in time, or not with exit code 0.
    pub fn stop(mut self) -> Result<String> {
        let success = self.process.terminate()?;
        ensure!(success, "the host ended with an error; log:\n{}", self.process.log());
        Ok(self.process.log())
    }
}
