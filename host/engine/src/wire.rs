//! What host and compile child say to each other: JSON lines, then the code.
//!
//! Host to child: [`Task`] in the environment variable [`TASK`], the component's bytes on stdin, end of file. Child to
//! host, on stdout: a [`Hello`] line before it reads a byte, an [`Outcome`] line, and after [`Outcome::Code`] as many
//! bytes of code as it says. Standard error is for people.

use serde::{Deserialize, Serialize};

use crate::config::CompileLimits;
use crate::layout::Layout;

/// The last argument of a compile child.
pub(crate) const MARKER: &str = "tidegate:compile-child";
/// Environment variable with the [`Task`] as JSON.
pub(crate) const TASK: &str = "TIDEGATE_COMPILE_CHILD";
/// Version of this protocol.
pub(crate) const PROTOCOL: u32 = 2;
/// Longest line that the host reads. An error of the compiler is some hundred bytes; the child cuts its own.
pub(crate) const MAX_LINE: u64 = 16 * 1024;

/// What to do, and within which limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) layout: Layout,
    pub(crate) stack: u64,
    pub(crate) limits: CompileLimits,
    /// Another target than this very processor.
    pub(crate) target: Option<String>,
    /// Try to get out instead of compiling.
    pub(crate) probe: bool,
}

/// The child is there, has given up its rights, and is about to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) tidegate_compile_child: u32,
    pub(crate) sandbox: Sandbox,
}

/// What the compile child could give up. Kernels without Landlock or seccomp leave it with its limits only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Landlock: `full`, `partial` (an older kernel), or `none`: no file can be opened.
    pub landlock: String,
    /// The system call filter: no file, socket, process or executable memory can be made.
    pub seccomp: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// So many bytes of code follow.
    Code { bytes: u64, cpu_micros: u64 },
    /// The component is not valid, or uses what is switched off.
    Invalid { message: String },
    /// The compiler could not start.
    Setup { message: String },
    /// The answers to the attempts to get out.
    Probe(Probe),
}

/// What a child could still do once it had given up its rights. All false is right.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Open a file for reading.
    pub read_file: bool,
    /// Create a file.
    pub create_file: bool,
    /// Make a socket.
    pub socket: bool,
    /// Start a program.
    pub exec: bool,
    /// Make a thread or process.
    pub thread: bool,
}

/// The task, if this process was started as compile child.
pub(crate) fn asked() -> Option<String> {
    let marked = std::env::args_os().next_back().is_some_and(|last| last == MARKER);
    if marked { std::env::var(TASK).ok() } else { None }
}
