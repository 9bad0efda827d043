//! The machine: address, databases, address space, compile child, disk, clock, toolchain.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate::grant::format_bytes;
use tidegate::{Health, Host};
use tidegate_config::{Config, Listen};
use tidegate_toolchain::{Origin, Toolchain};

use super::finding::Finding;

/// 2026-01-01: no clock that is right shows an earlier time to this program.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
/// Bytes that a full cache and some components need; with less, adding and compiling soon fail.
const LITTLE_SPACE: u64 = 256 << 20;

/// Whether a host serves there already, or could.
pub(crate) fn address(config: &Config, running: bool) -> Finding {
    let about = "address";
    let address = match &config.listen.value {
        Listen::Network(address) => *address,
        Listen::Unix(path) => return socket(path, running),
    };
    if running {
        return Finding::ok(about, "a host runs with this state directory");
    }
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(about, format!("no host runs; {address} is free")),
        Err(error) => {
            let mend = "end the program that has it, or choose another one with `--listen 127.0.0.1:0`";
            Finding::bad(about, format!("{address} cannot be used: {error}"), mend)
        }
    }
}

/// Whether a Unix socket could be made: its folder is there.
fn socket(path: &Path, running: bool) -> Finding {
    let about = "address";
    let shown = path.display();
    match path.parent().filter(|folder| folder.is_dir()) {
        _ if running => Finding::ok(about, "a host runs with this state directory"),
        Some(_) => Finding::ok(about, format!("no host runs; the socket `{shown}` can be made")),
        None => {
            let mend = "make its folder, for the user that runs the host, or choose another path";
            Finding::bad(about, format!("the folder of the socket `{shown}` is not there"), mend)
        }
    }
}

/// Whether what a host keeps can be opened. A running host has done it.
pub(crate) async fn databases(config: &Config, running: bool) -> Finding {
    let about = "databases";
    let state = &config.state.value;
    if running {
        return Finding::ok(about, "open in the running host");
    }
    if !state.join("kv.redb").exists() {
        return Finding::ok(about, "not there yet; the first host makes them");
    }
    match Host::builder(state).build().await {
        Ok(_) => Finding::ok(about, "can be opened"),
        Err(error) => {
            let failure = crate::failure::Failure::from(error);
            Finding::bad(about, failure.text(), format!("ls -la {}", state.display()))
        }
    }
}

/// Starts an engine and a compile child, apart from the state directory.
pub(crate) async fn engine() -> Vec<Finding> {
    let about = "engine";
    let health = async {
        let folder = tempfile::tempdir()?;
        let host = Host::builder(folder.path().join("state")).build().await?;
        anyhow::Ok(host.health().await?)
    };
    match health.await {
        Ok(health) => vec![layout(&health), compile_child(&health)],
        Err(error) => {
            let mend = "see whether `ulimit -v` limits the address space, and whether this program may start itself";
            vec![Finding::bad(about, format!("{error:#}"), mend)]
        }
    }
}

fn layout(health: &Health) -> Finding {
    let about = "address space";
    let found = format!(
        "layout `{}`: {} instances of at most {} in {}",
        health.layout,
        health.instances,
        format_bytes(health.max_memory),
        format_bytes(health.address_space)
    );
    if health.reduced {
        return Finding::hint(
            about,
            found,
            "fewer than the policy's `[pool]` asks for: run `ulimit -v unlimited`, or ask for less",
        );
    }
    Finding::ok(about, found)
}

fn compile_child(health: &Health) -> Finding {
    let about = "compile child";
    let seccomp = if health.seccomp { "on" } else { "off" };
    let found = format!("landlock {}, system call filter {seccomp}", health.landlock);
    if !health.leaks.is_empty() {
        let found = format!("{found}: it can {}", health.leaks.join(", "));
        return Finding::bad(about, found, "use Linux 5.13 or later with Landlock and seccomp switched on");
    }
    if health.landlock != "full" || !health.seccomp {
        return Finding::hint(about, found, "a newer kernel closes it more tightly; its limits hold all the same");
    }
    Finding::ok(about, found)
}

/// Space where the state directory is, or will be.
pub(crate) fn disk(config: &Config) -> Finding {
    let about = "disk";
    let there = config.state.value.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found = format!("{} free at `{}`", format_bytes(free >> 20 << 20), there.display());
            if free < LITTLE_SPACE {
                return Finding::bad(about, found, "make room, or put the state directory elsewhere with `--state`");
            }
            Finding::ok(about, found)
        }
        Err(error) => Finding::bad(about, format!("`{}`: {error}", there.display()), "df -h"),
    }
}

/// Not before what this program and the state directory know of.
pub(crate) fn clock(config: &Config) -> Finding {
    let about = "clock";
    let now = SystemTime::now();
    let mend = "timedatectl set-ntp true";
    if now < UNIX_EPOCH + EARLIEST {
        return Finding::bad(about, "it shows a time before 2026: TLS certificates will not be believed", mend);
    }
    let written = std::fs::metadata(config.state.value.join("audit.jsonl")).and_then(|about| about.modified());
    if written.is_ok_and(|written| written > now + Duration::from_secs(60)) {
        return Finding::bad(about, "it is behind the last entry of the audit log", mend);
    }
    Finding::ok(about, "plausible")
}

/// Needed to build components, not to run them.
pub(crate) fn toolchain() -> Finding {
    let about = "guest toolchain";
    match Toolchain::find() {
        Ok(found) => Finding::ok(
            about,
            match found.origin() {
                Origin::Target => format!("{} with the target", found.cargo().display()),
                Origin::BuildStd { .. } => format!("{} of Debian's packages", found.cargo().display()),
            },
        ),
        Err(missing) => Finding::hint(
            about,
            format!("none, which only building needs: {missing}"),
            "tidegate build --install-toolchain",
        ),
    }
}
