//! A policy as types.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_grant::{ClientLimits, Grant, Granted, Limits, Origin, PoolLimits};

use crate::client::ClientRule;
use crate::problem::Problem;

/// The signer's name under which development mode decides on components that were built on this machine. Rules may
/// name it; no `[signers]` entry may.
pub const LOCAL_BUILD: &str = "local-build";

/// What the policy files say. Made by [`crate::parse`]; `Policy::default()` believes nobody and grants nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// Whom we believe, by name.
    pub signers: BTreeMap<String, Signer>,
    /// Every `[[grant]]`, in the order of the files.
    pub rules: Vec<Rule>,
    /// Every `[[client]]`, in the order of the files.
    pub clients: Vec<ClientRule>,
    /// Where secrets come from on this node, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// Bounds on all components together.
    pub pool: PoolLimits,
    /// Which line sets a bound of the pool, by key; defaults are not in it.
    pub pool_origins: BTreeMap<&'static str, Origin>,
    /// What each client and each tenant may ask for.
    pub client_limits: ClientLimits,
    /// Which line sets one of these, by key; defaults are not in it.
    pub client_limit_origins: BTreeMap<&'static str, Origin>,
    /// Lines that are valid and probably not what was meant.
    pub warnings: Vec<Problem>,
}

/// Someone whose signature counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// What proves that it signed.
    pub by: SignedBy,
    /// What the signature counts for.
    pub roles: BTreeSet<Role>,
    /// The line.
    pub origin: Origin,
}

/// What proves that a signer signed. Not parsed here: `attestation` says what a key and a trusted root are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A public key that is pinned.
    Key(PublicKey),
    /// A certificate for a name.
    Identity {
        /// The name, compared whole.
        identity: String,
        /// Who vouches for the name, compared whole.
        issuer: String,
        /// The authorities that may certify it.
        root: TrustedRoot,
    },
}

/// Where a trusted root is.
#[derive(Clone, PartialEq, Eq)]
pub enum TrustedRoot {
    /// Here, as the text of a `trusted_root.json`.
    Json(String),
    /// In this file; a relative path was joined to the policy file's folder.
    File(PathBuf),
    /// The one of the node's configuration.
    OfTheNode,
}

/// Where a public key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Here, as PEM text.
    Pem(String),
    /// In this file; a relative path was joined to the policy file's folder.
    File(PathBuf),
}

/// What a signature counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Components.
    Component,
    /// Native code, which can do whatever the host can.
    NativeCode,
    /// Models: data that a backend computes with in its sandbox.
    Model,
}

/// Where a secret comes from on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The place.
    pub source: SecretSource,
    /// The line.
    pub origin: Origin,
}

/// A place that holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The bytes of this file; a relative path was joined to the policy file's folder.
    File(PathBuf),
    /// The value of this environment variable of the host.
    Environment(String),
}

/// One `[[grant]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// A name from `[signers]`, or [`LOCAL_BUILD`].
    pub signer: String,
    /// Which of that signer's components.
    pub component: ComponentPattern,
    /// What it adds. Its `limits` are the defaults and mean nothing: see the field of that name.
    pub grant: Grant,
    /// The limits it sets.
    pub limits: Vec<Granted<LimitSetting>>,
    /// Where it begins.
    pub origin: Origin,
}

/// Which components a rule is for. Ordered by how specific it is, least first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComponentPattern {
    /// `*`: any component of the signer.
    Any,
    /// Exactly this name.
    Exact(String),
}

/// A limit that a rule sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitSetting {
    /// [`Limits::memory`].
    Memory(u64),
    /// [`Limits::table_elements`].
    TableElements(u64),
    /// [`Limits::instances`].
    Instances(u32),
    /// [`Limits::host_call`].
    HostCall(u64),
    /// [`Limits::output`].
    Output(u64),
    /// [`Limits::deadline`].
    Deadline(Duration),
    /// [`Limits::concurrency`].
    Concurrency(u32),
}

// === impl Policy ===

impl Policy {
    /// The rules for one component, least specific first.
    pub fn rules_for<'p>(&'p self, signer: &'p str, component: &'p str) -> impl Iterator<Item = &'p Rule> {
        let matching = move |exact: bool| {
            self.rules.iter().filter(move |rule| {
                rule.signer == signer
                    && match &rule.component {
                        ComponentPattern::Any => !exact,
                        ComponentPattern::Exact(name) => exact && name == component,
                    }
            })
        };
        matching(false).chain(matching(true))
    }

    /// Whether rules may name this signer.
    #[must_use]
    pub fn knows_signer(&self, name: &str) -> bool {
        name == LOCAL_BUILD || self.signers.contains_key(name)
    }
}

// === impl TrustedRoot ===

impl fmt::Debug for TrustedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(text) => write!(f, "Json({} bytes)", text.len()),
            Self::File(path) => write!(f, "File({path:?})"),
            Self::OfTheNode => f.write_str("OfTheNode"),
        }
    }
}

// === impl ComponentPattern ===

impl ComponentPattern {
    /// Whether one component can be meant by both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self == other || *self == Self::Any || *other == Self::Any
    }
}

impl fmt::Display for ComponentPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "*",
            Self::Exact(name) => name,
        })
    }
}

// === impl LimitSetting ===

impl LimitSetting {
    /// The policy key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::TableElements(_) => "table-elements",
            Self::Instances(_) => "instances",
            Self::HostCall(_) => "host-call",
            Self::Output(_) => "output",
            Self::Deadline(_) => "deadline",
            Self::Concurrency(_) => "concurrency",
        }
    }

    /// Sets it.
    pub const fn apply(self, limits: &mut Limits) {
        match self {
            Self::Memory(value) => limits.memory = value,
            Self::TableElements(value) => limits.table_elements = value,
            Self::Instances(value) => limits.instances = value,
            Self::HostCall(value) => limits.host_call = value,
            Self::Output(value) => limits.output = value,
            Self::Deadline(value) => limits.deadline = value,
            Self::Concurrency(value) => limits.concurrency = value,
        }
    }
}
