//! What may be granted to a component, as types: capability grants and limits; and who clients are and what they may use.
//!
//! Pure: no clock, no IO. `Grant::default()` grants nothing and carries the default limits.

mod challenge;
mod client_limits;
mod limits;
mod network;
mod origin;
mod pattern;
mod principal;
mod requests;
mod summary;

pub use challenge::Challenge;
pub use client_limits::{CLIENT_LIMITS, ClientLimits};
pub use limits::{LIMITS, LimitKey, Limits, POOL_LIMITS, PoolLimits};
pub use network::{Address, Destination, NetworkError, NetworkGrant, is_public};
pub use origin::Origin;
pub use pattern::{Pattern, PatternError};
pub use principal::{Allowance, Item, ItemKind, Principal, Reach, Use};
pub use requests::{DirectoryRequest, EnvironmentRequest, KvRequest, NetworkRequest, Request, Requests, SecretRequest};
pub use summary::{GrantLine, format_bytes, format_duration};

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything that one component may do. Grants only shrink at run time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grant {
    /// Directories of the node, seen by the component under a path of its own.
    pub directories: Vec<DirectoryGrant>,
    /// Where it may connect to.
    pub network: NetworkGrant,
    /// Environment variables it sees.
    pub environment: BTreeMap<String, Granted<String>>,
    /// Key-value namespaces.
    pub kv: Vec<KvGrant>,
    /// Secrets, by name.
    pub secrets: Vec<Granted<String>>,
    /// Settings for `tidegate:host/config`.
    pub config: BTreeMap<String, Granted<String>>,
    /// `tidegate:host/system`: the state of the node.
    pub system: Option<Origin>,
    /// `tidegate:gateway`: catalog and calls. For protocol components.
    pub gateway: Option<Origin>,
    /// `tidegate:model/models`: models by name; [`Grant::EVERY_MODEL`] stands for all of the node.
    pub models: Vec<Granted<String>>,
    /// Limits, each with a default.
    pub limits: Limits,
}

/// A granted value and the policy line that grants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted<T> {
    /// What is granted.
    pub value: T,
    /// The line.
    pub origin: Origin,
}

/// Reading, or reading and writing.
///
/// Ordered: reading and writing is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reading and listing only.
    ReadOnly,
    /// Reading, writing, creating and removing.
    ReadWrite,
}

/// A directory of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryGrant {
    /// Absolute path on the node.
    pub host: PathBuf,
    /// Absolute path as the component sees it.
    pub guest: String,
    /// What it may do there.
    pub access: Access,
    /// The line.
    pub origin: Origin,
}

/// A key-value namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvGrant {
    /// Its name.
    pub namespace: String,
    /// What it may do there.
    pub access: Access,
    /// How many bytes (keys and values) the namespace may hold.
    pub bytes: u64,
    /// The line.
    pub origin: Origin,
}

impl Access {
    /// As one writes it in a policy: `read-only` or `read-write`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Grant {
    /// What stands for every model of the node.
    pub const EVERY_MODEL: &str = "*";

    /// The line that grants a model, if there is one.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&Granted<String>> {
        let every = |granted: &&Granted<String>| granted.value == Self::EVERY_MODEL;
        self.models.iter().find(|granted| granted.value == name).or_else(|| self.models.iter().find(every))
    }

    /// The grant of a key-value namespace, if there is one.
    #[must_use]
    pub fn kv(&self, namespace: &str) -> Option<&KvGrant> {
        self.kv.iter().find(|granted| granted.namespace == namespace)
    }

    /// Whether a secret is granted.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&Granted<String>> {
        self.secrets.iter().find(|granted| granted.value == name)
    }
}
