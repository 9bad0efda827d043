//! The vocabulary of audit events and the sinks they are written to.
//!
//! What a security team asks afterwards is answered here: what was loaded, who signed it, what was refused and by which
//! line, who called what and how it ended, which secret was read. Events carry no arguments, results or secrets.

mod event;
mod sink;

pub use event::{CallEnd, Event, Record};
pub use sink::{FileSink, FileSinkError, Sink, TraceSink};

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Where events go. Cheap to clone; every part of the host holds one.
#[derive(Clone)]
pub struct Audit {
    sinks: Arc<[Arc<dyn Sink>]>,
}

impl Audit {
    /// Writes to every one of `sinks`, in order.
    #[must_use]
    pub fn new(sinks: Vec<Arc<dyn Sink>>) -> Self {
        Self { sinks: sinks.into() }
    }

    /// Writes nowhere; for tests and tools that load nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Vec::new())
    }

    /// Writes an event with the present time. Never fails and never blocks for long: a sink that cannot write says so
    /// in the node's log, because a full disk must not stop calls.
    pub fn emit(&self, event: Event) {
        if self.sinks.is_empty() {
            return;
        }
        let record = Record { at: SystemTime::now(), event };
        for sink in self.sinks.iter() {
            sink.write(&record);
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("sinks", &self.sinks.len()).finish()
    }
}

#[cfg(test)]
mod tests;
