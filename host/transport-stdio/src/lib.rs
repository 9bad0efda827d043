//! stdio as two byte streams, with the real standard output kept for them.
//!
//! [`open`] takes standard input and output away from the rest of the process: what anybody prints afterwards goes to
//! standard error, so nothing can get between the frames of a protocol.
//!
//! tokio's own standard input reads on a thread of the runtime, and the runtime cannot end before that thread returns
//! from `read`: a process that should stop hangs until its client sends another byte. Here each stream has a thread of
//! its own that nobody waits for; the process ends when `main` returns.

mod input;
mod output;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

pub use input::Input;
pub use output::Output;

/// Bytes that each stream holds for the slower side. A client that sends without end, or reads nothing, makes us hold
/// this much and then waits.
pub const BUFFER: usize = 64 << 10;

/// The process' standard streams.
#[derive(Debug)]
pub struct Stdio {
    /// Ends when the client closes its side or goes away.
    pub input: Input,
    /// Written in order; flush or shut down before the process ends, or the last bytes may stay behind.
    pub output: Output,
}

/// Why the standard streams cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A second call: the host is at fault.
    #[error("the standard streams are in use already")]
    InUse,
    /// Standard input or output is closed, or a thread cannot be started.
    #[error("the standard streams cannot be used; run with standard input and output open, as a client does")]
    Unusable(#[source] io::Error),
}

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes standard input and output. From here on, what the process prints to standard output goes to standard error.
///
/// # Errors
/// When they were taken before, or the process was started without them.
pub fn open() -> Result<Stdio, OpenError> {
    if TAKEN.swap(true, Ordering::AcqRel) {
        return Err(OpenError::InUse);
    }
    take().map_err(OpenError::Unusable)
}

fn take() -> io::Result<Stdio> {
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    nix::unistd::dup2_stdout(io::stderr().as_fd())?;
    Ok(Stdio { input: Input::new(stdin)?, output: Output::new(stdout)? })
}
