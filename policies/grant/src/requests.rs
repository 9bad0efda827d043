//! What a component asks for in its manifest. Requests grant nothing: a policy grants.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Access, Destination};

/// The table `[requests]` of a manifest. Each request carries a reason for the person who decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Requests {
    /// Directories.
    pub directories: Vec<DirectoryRequest>,
    /// Destinations.
    pub network: Vec<NetworkRequest>,
    /// Environment variables.
    pub environment: Vec<EnvironmentRequest>,
    /// Key-value namespaces.
    pub kv: Vec<KvRequest>,
    /// Secrets.
    pub secrets: Vec<SecretRequest>,
    /// Why it wants to see the state of the node, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Why it wants the catalog and calls, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Why it wants to use models, if it does. Which ones, the policy says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<String>,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryRequest {
    /// Absolute path as the component sees it.
    pub guest: String,
    /// What it wants to do there.
    pub access: Access,
    /// Why.
    pub reason: String,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkRequest {
    /// Where to, in the words of a policy: `api.example.com:443`.
    pub connect: Destination,
    /// Why.
    pub reason: String,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvironmentRequest {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A key-value namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KvRequest {
    /// Its name.
    pub namespace: String,
    /// What it wants to do there.
    pub access: Access,
    /// Why.
    pub reason: String,
}

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretRequest {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// One request, whatever it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// A directory.
    Directory(&'a DirectoryRequest),
    /// A destination.
    Network(&'a NetworkRequest),
    /// An environment variable.
    Environment(&'a EnvironmentRequest),
    /// A key-value namespace.
    Kv(&'a KvRequest),
    /// A secret.
    Secret(&'a SecretRequest),
    /// The state of the node, with the reason.
    System(&'a str),
    /// The catalog and calls, with the reason.
    Gateway(&'a str),
    /// Models, with the reason.
    Models(&'a str),
}

impl Requests {
    /// Every request, in the order in which people see them.
    pub fn iter(&self) -> impl Iterator<Item = Request<'_>> {
        let directories = self.directories.iter().map(Request::Directory);
        let network = self.network.iter().map(Request::Network);
        let environment = self.environment.iter().map(Request::Environment);
        let kv = self.kv.iter().map(Request::Kv);
        let secrets = self.secrets.iter().map(Request::Secret);
        let system = self.system.as_deref().map(Request::System);
        let gateway = self.gateway.as_deref().map(Request::Gateway);
        let models = self.models.as_deref().map(Request::Models);
        let named = directories.chain(network).chain(environment).chain(kv).chain(secrets);
        named.chain(system).chain(gateway).chain(models)
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<'a> Request<'a> {
    /// Why the component asks.
    #[must_use]
    pub fn reason(&self) -> &'a str {
        match self {
            Self::Directory(request) => &request.reason,
            Self::Network(request) => &request.reason,
            Self::Environment(request) => &request.reason,
            Self::Kv(request) => &request.reason,
            Self::Secret(request) => &request.reason,
            Self::System(reason) | Self::Gateway(reason) | Self::Models(reason) => reason,
        }
    }

    /// The policy key that grants it.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Directory(_) => "directories",
            Self::Network(_) => "network",
            Self::Environment(_) => "environment",
            Self::Kv(_) => "kv",
            Self::Secret(_) => "secrets",
            Self::System(_) => "system",
            Self::Gateway(_) => "gateway",
            Self::Models(_) => "models",
        }
    }
}

/// For people: `directory /data, read-only`.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(request) => write!(f, "directory {}, {}", request.guest, request.access),
            Self::Network(request) => write!(f, "connect to {}", request.connect),
            Self::Environment(request) => write!(f, "environment variable {}", request.name),
            Self::Kv(request) => write!(f, "kv namespace {}, {}", request.namespace, request.access),
            Self::Secret(request) => write!(f, "secret {}", request.name),
            Self::System(_) => f.write_str("state of the node"),
            Self::Gateway(_) => f.write_str("catalog and calls"),
            Self::Models(_) => f.write_str("models"),
        }
    }
}
