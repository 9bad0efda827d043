//! Which grant an imported interface needs.

/// What must be granted before a component with this import is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the interface has no authority by itself. `wasi:filesystem` shows only granted directories,
    /// `wasi:cli/environment` only granted variables, `tidegate:host/config` only granted settings: often none, and
    /// every program built with a standard library imports them.
    Nothing,
    /// At least one destination.
    Network,
    /// At least one key-value namespace.
    Kv,
    /// At least one secret.
    Secrets,
    /// The state of the node.
    System,
    /// The catalog and calls.
    Gateway,
    /// At least one model.
    Models,
    /// No host capability offers it, so that no policy can.
    NotOffered,
}

/// Interfaces without their version; a name that ends in `/` stands for every interface of the package.
const TABLE: &[(&str, Need)] = &[
    ("wasi:io/", Need::Nothing),
    ("wasi:clocks/", Need::Nothing),
    ("wasi:random/", Need::Nothing),
    ("wasi:filesystem/", Need::Nothing),
    ("wasi:cli/", Need::Nothing),
    ("wasi:http/types", Need::Nothing),
    ("wasi:http/outgoing-handler", Need::Network),
    ("tidegate:types/", Need::Nothing),
    ("tidegate:tool/context", Need::Nothing),
    ("tidegate:host/log", Need::Nothing),
    ("tidegate:host/config", Need::Nothing),
    ("tidegate:host/kv", Need::Kv),
    ("tidegate:host/secrets", Need::Secrets),
    ("tidegate:host/system", Need::System),
    ("tidegate:gateway/", Need::Gateway),
    ("tidegate:model/models", Need::Models),
    // What a backend sees: the one model that it was given, and whether to stop.
    ("tidegate:model/types", Need::Nothing),
    ("tidegate:model/weights", Need::Nothing),
    ("tidegate:model/control", Need::Nothing),
];

/// What an import (`wasi:http/outgoing-handler@0.2.12`, with or without its version) needs. What is not in the table is
/// not offered: `wasi:sockets` among others, because a connection is checked where its name is resolved, and only the
/// host's HTTP client does that.
#[must_use]
pub fn need(import: &str) -> Need {
    let interface = import.split_once('@').map_or(import, |(interface, _)| interface);
    TABLE
        .iter()
        .find(|(name, _)| if name.ends_with('/') { interface.starts_with(name) } else { interface == *name })
        .map_or(Need::NotOffered, |(_, need)| *need)
}

impl Need {
    /// The policy key that grants it; none: no key does.
    #[must_use]
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::Nothing | Self::NotOffered => None,
            Self::Network => Some("network"),
            Self::Kv => Some("kv"),
            Self::Secrets => Some("secrets"),
            Self::System => Some("system"),
            Self::Gateway => Some("gateway"),
            Self::Models => Some("models"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_and_their_needs() {
        for (import, expected) in [
            ("wasi:io/streams@0.2.12", Need::Nothing),
            ("wasi:io/streams", Need::Nothing),
            ("wasi:http/types@0.2.0", Need::Nothing),
            ("wasi:http/outgoing-handler@0.2.0", Need::Network),
            ("wasi:http/outgoing-handler-more@0.2.0", Need::NotOffered),
            ("wasi:sockets/tcp@0.2.12", Need::NotOffered),
            ("tidegate:host/kv@0.1.0", Need::Kv),
            ("tidegate:host/secrets@0.1.0", Need::Secrets),
            ("tidegate:host/system@0.1.0", Need::System),
            ("tidegate:host/log@0.1.0", Need::Nothing),
            ("tidegate:host/unheard-of@0.1.0", Need::NotOffered),
            ("tidegate:gateway/calls@0.1.0", Need::Gateway),
            ("tidegate:gatewayx/calls@0.1.0", Need::NotOffered),
            ("tidegate:model/models@0.1.0", Need::Models),
            ("tidegate:model/weights@0.1.0", Need::Nothing),
            ("tidegate:model/backend@0.1.0", Need::NotOffered),
            ("tidegate:tool/context@0.1.0", Need::Nothing),
            ("tidegate:tool/tools@0.1.0", Need::NotOffered),
            ("print", Need::NotOffered),
            ("", Need::NotOffered),
        ] {
            assert_eq!(need(import), expected, "{import}");
        }
    }
}
