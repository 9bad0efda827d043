//! What a node counts: calls and how they end, loads and refusals, answers to HTTP requests.
//!
//! [`Metrics`] is an audit sink: whatever the audit log tells is counted in one place, and no other part of the host knows
//! of metrics. Labels have few values (names of loaded components, kinds of ends, status codes): a client cannot make a
//! new one, so the memory that counting takes is bounded by the components that were ever loaded.

mod labels;

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tidegate_audit::{CallEnd, Event, Record, Sink};

use crate::labels::{Answer, Call, Component, Denial, Load};

/// Media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of a call's duration in seconds: from a call that only echoes to one that takes the longest deadline.
const BUCKETS: [f64; 16] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0];

/// Counts since the host started.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    durations: Family<Component, Histogram, fn() -> Histogram>,
    loads: Family<Load, Counter>,
    denials: Family<Denial, Counter>,
    forbidden: Family<Component, Counter>,
    unauthenticated: Counter,
    quarantines: Family<Component, Counter>,
    secrets: Family<Component, Counter>,
    answers: Family<Answer, Counter>,
    running: Family<Component, Gauge>,
    memory: Gauge,
}

/// What holds only at the moment in which somebody asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Now {
    /// Each component that serves, with its calls that run or wait.
    pub components: Vec<(String, u32)>,
    /// Memory of the process in bytes, if it is known.
    pub memory: Option<u64>,
}

impl Metrics {
    /// Counts from zero; `version` is the host's.
    #[must_use]
    pub fn new(version: &str) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            calls: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            loads: Family::default(),
            denials: Family::default(),
            forbidden: Family::default(),
            unauthenticated: Counter::default(),
            quarantines: Family::default(),
            secrets: Family::default(),
            answers: Family::default(),
            running: Family::default(),
            memory: Gauge::default(),
        };
        metrics.register(version);
        metrics
    }

    fn register(&mut self, version: &str) {
        let ours = self.registry.sub_registry_with_prefix("tidegate");
        ours.register("build", "The host", Info::new([("version", version.to_owned())]));
        ours.register("calls", "Calls that ended, by how they ended", self.calls.clone());
        let durations = self.durations.clone();
        ours.register_with_unit("call_duration", "Time from a call's start to its end", Unit::Seconds, durations);
        ours.register("calls_running", "Calls that run or wait for room", self.running.clone());
        ours.register("loads", "Components that were let in or refused", self.loads.clone());
        ours.register("denials", "Host calls that no grant covered", self.denials.clone());
        ours.register("forbidden", "Things that a client wanted and may not use", self.forbidden.clone());
        let unauthenticated = self.unauthenticated.clone();
        ours.register("unauthenticated", "Requests with a credential that let nobody in", unauthenticated);
        ours.register(
            "quarantines",
            "Failures after which a component got no calls for a while",
            self.quarantines.clone(),
        );
        ours.register("secrets_revealed", "Secrets that were given to a component", self.secrets.clone());
        ours.register("http_answers", "Answers to HTTP requests, by status", self.answers.clone());
        let process = self.registry.sub_registry_with_prefix("process");
        let started = Gauge::<i64>::default();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        started.set(i64::try_from(since).unwrap_or(i64::MAX));
        process.register_with_unit("start_time", "When the host started, since 1970", Unit::Seconds, started);
        process.register_with_unit("resident_memory", "Memory of the host", Unit::Bytes, self.memory.clone());
    }

    /// Counts an answer to an HTTP request.
    pub fn answered(&self, code: u16) {
        self.answers.get_or_create(&Answer { code }).inc();
    }

    /// Everything, as OpenMetrics text ([`CONTENT_TYPE`]).
    #[must_use]
    pub fn text(&self, now: &Now) -> String {
        self.running.clear();
        for (component, calls) in &now.components {
            self.running.get_or_create(&Component { component: component.clone() }).set(i64::from(*calls));
        }
        self.memory.set(now.memory.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(0));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Sink for Metrics {
    fn write(&self, record: &Record) {
        match &record.event {
            Event::Called { component, end, microseconds, .. } => {
                let of = Component { component: component.clone() };
                #[allow(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
                self.durations.get_or_create(&of).observe(*microseconds as f64 / 1e6);
                self.calls.get_or_create(&Call { component: of.component, end: word(*end) }).inc();
            }
            Event::Loaded { .. } => self.load("loaded"),
            Event::Refused { .. } => self.load("refused"),
            Event::Removed { .. } => self.load("removed"),
            Event::RolledBack { .. } => self.load("rolled-back"),
            Event::Quarantined { component, .. } => {
                // The event names the version too, which would make a label of every version.
                let component = component.split('@').next().unwrap_or_default().to_owned();
                self.quarantines.get_or_create(&Component { component }).inc();
            }
            Event::Forbidden { component, .. } => {
                self.forbidden.get_or_create(&Component { component: component.clone() }).inc();
            }
            Event::Unauthenticated { .. } => {
                self.unauthenticated.inc();
            }
            Event::Denied { component, interface, .. } => {
                let denial = Denial { component: component.clone(), interface: interface.clone() };
                self.denials.get_or_create(&denial).inc();
            }
            // Models have no counts of their own yet; what they do is in the audit log.
            Event::ModelLoaded { .. } | Event::ModelUnloaded { .. } | Event::ModelUsed { .. } => {}
            Event::Revealed { component, .. } => {
                self.secrets.get_or_create(&Component { component: component.clone() }).inc();
            }
        }
    }
}

impl Metrics {
    fn load(&self, outcome: &'static str) {
        self.loads.get_or_create(&Load { outcome }).inc();
    }
}

/// The audit log's word for an end.
fn word(end: CallEnd) -> &'static str {
    match end {
        CallEnd::Done => "done",
        CallEnd::ToolError => "tool-error",
        CallEnd::InputRequired => "input-required",
        CallEnd::Invalid => "invalid",
        CallEnd::Refused => "refused",
        CallEnd::Deadline => "deadline",
        CallEnd::Cancelled => "cancelled",
        CallEnd::Failed => "failed",
    }
}

#[cfg(test)]
mod tests;
