//! Child processes: a clean environment, no standard input, lines as progress, and a limit of time.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Receives one line of progress at a time, without its line end. Called from several threads.
pub type Progress<'a> = dyn Fn(&str) + Sync + 'a;

/// Lines of standard error kept to explain a failure: enough for a compiler's last message.
const KEPT_LINES: usize = 40;

/// How often a running child is looked at while its time is limited.
const POLL: Duration = Duration::from_millis(20);

/// Variables that an outer `cargo` or its user set for the host's build and that would change or break a guest's.
const SCRUBBED: [&str; 15] = [
    "CARGO",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_MAKEFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "MAKEFLAGS",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// Beginnings of further such variables: what cargo tells the programs it runs, and its settings for builds.
const SCRUBBED_PREFIXES: [&str; 7] =
    ["CARGO_BIN_", "CARGO_BUILD_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PROFILE_", "CARGO_TARGET_"];

/// Takes from a command's environment what an outer cargo left there. Proxies and registries stay.
pub fn scrub(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_scrubbed) {
            command.env_remove(&name);
        }
    }
    command
}

pub(crate) fn is_scrubbed(name: &str) -> bool {
    SCRUBBED.contains(&name) || SCRUBBED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) success: bool,
    pub(crate) timed_out: bool,
    pub(crate) stdout: String,
    /// The last lines of standard error.
    pub(crate) stderr: String,
}

/// Where the lines of a child's standard output go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdout {
    Collect,
    Report,
}

/// Runs a command to its end, or kills it after `limit`.
pub(crate) fn run(
    command: &mut Command,
    limit: Option<Duration>,
    stdout: Stdout,
    progress: &Progress<'_>,
) -> io::Result<Finished> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let collected = Mutex::new(String::new());
    let last = Mutex::new(VecDeque::new());
    let mut timed_out = false;
    let status = thread::scope(|scope| {
        scope.spawn(|| {
            each_line(out, &|line| match stdout {
                Stdout::Report => progress(line),
                Stdout::Collect => append(&collected, line),
            });
        });
        scope.spawn(|| {
            each_line(err, &|line| {
                progress(line);
                keep(&last, line);
            });
        });
        let Some(limit) = limit else { return child.wait() };
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                timed_out = true;
                child.kill()?;
                return child.wait();
            }
            thread::sleep(POLL);
        }
    })?;
    let stderr = last.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(Finished {
        success: status.success() && !timed_out,
        timed_out,
        stdout: collected.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        stderr: Vec::from(stderr).join("\n"),
    })
}

fn each_line(from: Option<impl Read>, use_line: &dyn Fn(&str)) {
    let Some(from) = from else { return };
    for line in BufReader::new(from).split(b'\n') {
        let Ok(line) = line else { return };
        use_line(String::from_utf8_lossy(&line).trim_end_matches('\r'));
    }
}

fn append(to: &Mutex<String>, line: &str) {
    let mut to = to.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    to.push_str(line);
    to.push('\n');
}

fn keep(last: &Mutex<VecDeque<String>>, line: &str) {
    let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if last.len() == KEPT_LINES {
        last.pop_front();
    }
    last.push_back(line.to_owned());
}
