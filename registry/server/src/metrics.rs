//! Counters, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What is counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Answers by the first digit of their status.
    answers: [AtomicU64; 6],
    /// Bytes of uploads that arrived.
    pub(crate) received: AtomicU64,
    /// Bytes of blobs and manifests that were handed out.
    pub(crate) sent: AtomicU64,
    /// Connections at this moment.
    pub(crate) connections: AtomicI64,
    /// Uploads that receive bytes at this moment.
    pub(crate) uploading: AtomicI64,
    /// Files that collections removed.
    pub(crate) swept: AtomicU64,
}

impl Metrics {
    pub(crate) fn answered(&self, status: u16) {
        if let Some(counter) = self.answers.get(usize::from(status / 100)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut put = |name: &str, kind: &str, help: &str| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        };
        put("tidegate_registry_answers_total", "counter", "Answers by class of status.");
        for (class, counter) in self.answers.iter().enumerate().skip(1) {
            let count = counter.load(Ordering::Relaxed);
            let _ = writeln!(text, "tidegate_registry_answers_total{{status=\"{class}xx\"}} {count}");
        }
        let counters = [
            ("tidegate_registry_received_bytes_total", "Bytes of uploads that arrived.", &self.received),
            ("tidegate_registry_sent_bytes_total", "Bytes of blobs and manifests handed out.", &self.sent),
            ("tidegate_registry_swept_files_total", "Files that collections removed.", &self.swept),
        ];
        for (name, help, counter) in counters {
            let count = counter.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}");
        }
        let gauges = [
            ("tidegate_registry_connections", "Connections at this moment.", &self.connections),
            ("tidegate_registry_uploading", "Uploads that receive bytes at this moment.", &self.uploading),
        ];
        for (name, help, gauge) in gauges {
            let count = gauge.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {count}");
        }
        text
    }
}
