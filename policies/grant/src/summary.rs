//! A grant as lines for people.

use std::time::Duration;

use serde::Serialize;

use crate::{Grant, Origin};

/// One thing a component may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GrantLine {
    /// The policy key it came from.
    pub key: &'static str,
    /// What is granted, for programs: guest path, destination, name of a variable, namespace, secret or setting. Empty
    /// where the key says it all.
    pub name: String,
    /// For people: `directory /data, read-only, on the node /srv/data`. Values of secrets and of environment variables
    /// are not part of it.
    pub what: String,
    /// The policy line.
    pub origin: Origin,
}

impl Grant {
    /// Everything that is granted, limits apart, in the order in which people see it. Empty: nothing is.
    #[must_use]
    pub fn lines(&self) -> Vec<GrantLine> {
        let mut lines = Vec::new();
        let mut push = |key, name: &str, what: String, origin: &Origin| {
            lines.push(GrantLine { key, name: name.to_owned(), what, origin: origin.clone() });
        };
        for granted in &self.directories {
            let what =
                format!("directory {}, {}, on the node {}", granted.guest, granted.access, granted.host.display());
            push("directories", &granted.guest, what, &granted.origin);
        }
        for (destination, origin) in &self.network.connect {
            push("network", &destination.to_string(), format!("connect to {destination}"), origin);
        }
        for (name, granted) in &self.environment {
            push("environment", name, format!("environment variable {name}"), &granted.origin);
        }
        for granted in &self.kv {
            let what =
                format!("kv namespace {}, {}, {}", granted.namespace, granted.access, format_bytes(granted.bytes));
            push("kv", &granted.namespace, what, &granted.origin);
        }
        for granted in &self.secrets {
            push("secrets", &granted.value, format!("secret {}", granted.value), &granted.origin);
        }
        for (key, granted) in &self.config {
            push("config", key, format!("setting {key} = {:?}", granted.value), &granted.origin);
        }
        if let Some(origin) = &self.system {
            push("system", "", "state of the node".to_owned(), origin);
        }
        if let Some(origin) = &self.gateway {
            push("gateway", "", "catalog and calls".to_owned(), origin);
        }
        for granted in &self.models {
            let what = match granted.value.as_str() {
                Self::EVERY_MODEL => "every model".to_owned(),
                name => format!("model {name}"),
            };
            push("models", &granted.value, what, &granted.origin);
        }
        lines
    }
}

/// Bytes as one writes them in a policy: the largest unit that leaves no rest, `64MiB`, or plain bytes.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = units.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size));
    unit.map_or_else(|| bytes.to_string(), |(name, size)| format!("{}{name}", bytes / size))
}

/// A duration as one writes it in a policy: `30s`, `500ms`, `2h`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let unit = units.iter().find(|(_, size)| millis > 0 && millis.is_multiple_of(*size));
    unit.map_or_else(|| format!("{millis}ms"), |(name, size)| format!("{}{name}", millis / size))
}
