//! Why a call did not end well, in words.

use wasmtime::{Trap, WasmBacktrace};

use crate::limiter::{Limit, Limiter, Refusal};
use crate::store::DeadlineReached;
use crate::text;

/// Frames that the message of a trap names; [`Failure::frames`] has all.
const FRAMES_SHOWN: usize = 3;

/// Why a call failed. The store is gone in every case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The component used all of its time.
    #[error("deadline reached (policy key `deadline`)")]
    Deadline,
    /// The component asked for more than a limit of its store, and ended on that.
    #[error("{0}")]
    Limit(Refusal),
    /// The component recursed too deeply.
    #[error("stack limit reached (policy key `stack` in `[pool]`){}", shown(.frames))]
    StackOverflow {
        /// Where, the innermost first.
        frames: Vec<Frame>,
    },
    /// One call handed the host too many bytes.
    #[error("limit of {} for one host call reached (policy key `host-call`)", text::bytes(*.allowed))]
    HostCall {
        /// The limit in bytes.
        allowed: u64,
    },
    /// All slots are in use. The component is not at fault: try later.
    #[error("no free slot, {0} (policy key `instances` in `[pool]`): try again later")]
    PoolExhausted(String),
    /// The component trapped.
    #[error("{kind}{}", shown(.frames))]
    Trap {
        /// What it did.
        kind: Trap,
        /// Where, the innermost first.
        frames: Vec<Frame>,
    },
    /// A function of the host failed, or the component asked to end (`exit`): [`Failure::host_error`] has the error.
    #[error("{}", .0.root_cause())]
    Host(wasmtime::Error),
}

/// One frame of a backtrace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The module inside the component, if it has a name.
    pub module: Option<String>,
    /// The function: its name, demangled, or its index.
    pub function: String,
}

impl Failure {
    /// Sorts an error of wasmtime, by what the limiter of its store remembers.
    #[must_use]
    pub fn of(error: wasmtime::Error, limiter: &Limiter, host_call_bytes: u64) -> Self {
        if error.is::<DeadlineReached>() {
            return Self::Deadline;
        }
        if let Some(exhausted) = error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>() {
            return Self::PoolExhausted(exhausted.to_string());
        }
        let frames = frames(&error);
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => return Self::StackOverflow { frames },
            Some(Trap::Interrupt) => return Self::Deadline,
            // Allocators of guests end with `unreachable` when memory is refused; some go on to use the null pointer.
            Some(kind) => {
                return match limiter.refusal() {
                    Some(refusal) => Self::Limit(refusal),
                    None => Self::Trap { kind: *kind, frames },
                };
            }
            None => {}
        }
        let root = error.root_cause().to_string();
        if let Some(refusal) = refused_count(&root, limiter) {
            return Self::Limit(refusal);
        }
        if root.contains("fuel allocated for hostcalls has been exhausted") {
            return Self::HostCall { allowed: host_call_bytes };
        }
        match limiter
            .refusal()
            .filter(|_| root.contains("exceeds memory limits") || root.contains("exceeds table limits"))
        {
            Some(refusal) => Self::Limit(refusal),
            None => Self::Host(error),
        }
    }

    /// Where it happened, the innermost frame first; empty if that is not known.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        match self {
            Self::StackOverflow { frames } | Self::Trap { frames, .. } => frames,
            _ => &[],
        }
    }

    /// The error of a host function as it was returned, for instance the `I32Exit` of WASI.
    #[must_use]
    pub fn host_error<E: std::fmt::Display + std::fmt::Debug + Send + Sync + 'static>(&self) -> Option<&E> {
        match self {
            Self::Host(error) => error.downcast_ref::<E>(),
            _ => None,
        }
    }

    /// Whether the node, not the component, is the reason.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::PoolExhausted(_))
    }
}

/// The counts of a store are wasmtime's to check; it reports them as text only.
fn refused_count(root: &str, limiter: &Limiter) -> Option<Refusal> {
    let rest = root.strip_prefix("resource limit exceeded: ")?;
    let wanted = rest.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default();
    let (limit, allowed) = match rest.split(' ').next()? {
        "instance" => (Limit::Instances, u64::from(limiter.limits().instances)),
        "memory" => (Limit::Memories, crate::MAX_MEMORIES as u64),
        "table" => (Limit::Tables, crate::MAX_TABLES as u64),
        _ => return None,
    };
    Some(Refusal { limit, allowed, wanted })
}

fn frames(error: &wasmtime::Error) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    backtrace
        .frames()
        .iter()
        .map(|frame| Frame {
            module: frame.module().name().map(str::to_owned),
            function: frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), demangled),
        })
        .collect()
}

fn demangled(name: &str) -> String {
    // Names are the component's own words: no line breaks or control characters into logs, and not without end.
    name.chars().filter(|letter| !letter.is_control()).take(120).collect()
}

fn shown(frames: &[Frame]) -> String {
    if frames.is_empty() {
        return String::new();
    }
    let names: Vec<_> = frames.iter().take(FRAMES_SHOWN).map(|frame| format!("`{}`", frame.function)).collect();
    format!(", in {}", names.join(" called by "))
}
