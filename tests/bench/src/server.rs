//! A process that serves: its start, its CPU time, its memory, its end.

use std::fs::{File, read_to_string};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a server may take until it listens: without a cache the host compiles first.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Time between two looks at a server that starts: the resolution of a cold start.
const LOOK: Duration = Duration::from_micros(200);

/// A server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a command that listens on `address`, and waits until it does. What it says goes to `log`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let log_file = File::create(log)?;
        command.stdin(Stdio::null()).stdout(log_file.try_clone()?).stderr(log_file);
        let child = command.spawn().with_context(|| format!("`{program}` does not start"))?;
        let mut server = Self { child, address };
        let end = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("`{program}` ended with {status}: {}", read_to_string(log).unwrap_or_default());
            }
            if Instant::now() > end {
                bail!("`{program}` does not listen on {address}: {}", read_to_string(log).unwrap_or_default());
            }
            std::thread::sleep(LOOK);
        }
        Ok(server)
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        usage(self.child.id())
    }

    /// The largest resident set since its start, in bytes (proc(5): `VmHWM`, in kB).
    pub(crate) fn peak(&self) -> Result<u64> {
        let status = read_to_string(format!("/proc/{}/status", self.child.id())).context("the server has ended")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time since its start.
    pub(crate) cpu: Duration,
    /// Resident set, bytes.
    pub(crate) resident: u64,
}

/// Reads `/proc/PID/stat` (proc(5): fields 14, 15 in ticks) and `statm` (field 2 in pages).
pub(crate) fn usage(pid: u32) -> Result<Usage> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).context("the server has ended")?;
    // The name of the program, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(") ").context("stat without a name")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).context("stat is too short");
    let statm = read_to_string(format!("/proc/{pid}/statm"))?;
    let pages = statm.split(' ').nth(1).and_then(|field| field.parse::<u64>().ok()).context("statm is too short")?;
    Ok(Usage { cpu: TICK * u32::try_from(ticks(11)? + ticks(12)?)?, resident: pages * PAGE })
}

/// `USER_HZ` is 100 on every architecture that Linux has in use.
const TICK: Duration = Duration::from_millis(10);
/// Pages of x86-64 and of the usual ARM kernels.
const PAGE: u64 = 4096;
