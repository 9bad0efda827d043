//! `[requests]`: what a component asks for, each with a reason for people.

use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tidegate_grant::{Access, Destination};

use crate::manifest::{
    ManifestError, ManifestProblem, at, check_count, check_name, check_once, check_path, check_text,
};

/// Most entries of one list of requests: a person reads them all.
pub const MAX_REQUESTS: usize = 64;
/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// What a component asks for. Policy grants; a request only explains.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Requests {
    /// Directories, as the component sees them.
    pub directories: Vec<DirectoryRequest>,
    /// Where it wants to connect to.
    pub network: Vec<NetworkRequest>,
    /// Environment variables.
    pub environment: Vec<EnvironmentRequest>,
    /// Key-value namespaces.
    pub kv: Vec<KvRequest>,
    /// Secrets.
    pub secrets: Vec<SecretRequest>,
    /// The state of the node (`tidegate:host/system`), with the reason.
    pub system: Option<String>,
    /// Catalogue and calls (`tidegate:gateway`), with the reason.
    pub gateway: Option<String>,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryRequest {
    /// Absolute path as the component sees it.
    pub guest: String,
    /// `read-only` or `read-write`.
    #[serde(deserialize_with = "access")]
    pub access: Access,
    /// Why.
    pub reason: String,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkRequest {
    /// Name or range, and port.
    #[serde(deserialize_with = "from_text")]
    pub connect: Destination,
    /// Why.
    pub reason: String,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvironmentRequest {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A key-value namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KvRequest {
    /// Its name.
    pub namespace: String,
    /// `read-only` or `read-write`.
    #[serde(deserialize_with = "access")]
    pub access: Access,
    /// Why.
    pub reason: String,
}

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretRequest {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl Requests {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn check(&self) -> Result<(), ManifestError> {
        let list = |key, entries: &[(&String, &String)]| at(key, check_list(entries));
        let directories: Vec<_> = self.directories.iter().map(|entry| (&entry.guest, &entry.reason)).collect();
        list("requests.directories", &directories)?;
        at("requests.directories", directories.iter().try_for_each(|(guest, _)| check_path(guest)))?;

        let destinations: Vec<_> = self.network.iter().map(|entry| entry.connect.to_string()).collect();
        let network: Vec<_> = destinations.iter().zip(self.network.iter().map(|entry| &entry.reason)).collect();
        list("requests.network", &network)?;

        let environment = self.environment.iter().map(|entry| (&entry.name, &entry.reason));
        let kv = self.kv.iter().map(|entry| (&entry.namespace, &entry.reason));
        let secrets = self.secrets.iter().map(|entry| (&entry.name, &entry.reason));
        let named = [
            ("requests.environment", environment.collect::<Vec<_>>()),
            ("requests.kv", kv.collect()),
            ("requests.secrets", secrets.collect()),
        ];
        for (key, entries) in named {
            list(key, &entries)?;
            at(key, entries.iter().try_for_each(|(name, _)| check_name(name)))?;
        }
        for (key, reason) in [("requests.system", &self.system), ("requests.gateway", &self.gateway)] {
            at(key, reason.iter().try_for_each(|reason| check_reason(reason)))?;
        }
        Ok(())
    }
}

/// What is true of every list: few entries, each once, each with a reason.
fn check_list(entries: &[(&String, &String)]) -> Result<(), ManifestProblem> {
    check_count(entries.len(), 0, MAX_REQUESTS)?;
    check_once(entries.iter().map(|(what, _)| what))?;
    entries.iter().try_for_each(|(_, reason)| check_reason(reason))
}

fn check_reason(reason: &str) -> Result<(), ManifestProblem> {
    if reason.trim().is_empty() {
        return Err(ManifestProblem::NoReason);
    }
    check_text(reason, MAX_REASON)
}

fn access<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Access, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "read-only" => Ok(Access::ReadOnly),
        "read-write" => Ok(Access::ReadWrite),
        other => Err(D::Error::custom(format_args!("`{other}` is no access: write `read-only` or `read-write`"))),
    }
}

fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
