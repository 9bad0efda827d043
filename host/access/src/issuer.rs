//! An authorization server that the node believes, and its keys.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::fetch::Fetcher;
use crate::jwk::{Key, KeySet};
use crate::{Algorithm, JwksError};

/// After so long a set is fetched again, beside the request that finds it old: an issuer's retired key counts for no longer.
const FRESH: Duration = Duration::from_secs(600);
/// Between two attempts to fetch: tokens with invented keys must not make this node call the issuer without end.
const PAUSE: Duration = Duration::from_secs(5);

/// What is configured about an issuer.
#[derive(Debug, Clone)]
pub struct IssuerOptions {
    /// As it calls itself in tokens (`iss`), compared whole.
    pub issuer: String,
    /// Its keys, pinned: the bytes of a JSON Web Key Set.
    pub pinned: Option<Vec<u8>>,
    /// Where its keys are; none: asked of its metadata, unless keys are pinned.
    pub jwks: Option<String>,
    /// Signatures that are accepted.
    pub algorithms: Vec<Algorithm>,
    /// Values of a token's `typ` that are accepted beside none.
    pub kinds: Vec<String>,
    /// How far its clock may be from ours.
    pub leeway: Duration,
}

/// An issuer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// Its pinned keys are none.
    #[error("the pinned keys of the issuer `{issuer}` cannot be used")]
    Pinned {
        /// Which.
        issuer: String,
        /// Why.
        source: JwksError,
    },
}

/// An issuer and what is known of its keys.
pub(crate) struct Issuer {
    pub(crate) options: IssuerOptions,
    pinned: KeySet,
    fetched: RwLock<Option<Fetched>>,
    /// When a fetch last began; held while one runs.
    attempt: tokio::sync::Mutex<Option<Instant>>,
    fetcher: Fetcher,
}

struct Fetched {
    keys: KeySet,
    at: Instant,
}

/// Why there is no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The issuer has none like it.
    Unknown,
    /// The issuer's keys were never seen.
    Unreachable,
}

/// The members of authorization server metadata (RFC 8414) that are read.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    pub(crate) fn new(options: IssuerOptions, fetcher: Fetcher) -> Result<Self, IssuerError> {
        let pinned = match &options.pinned {
            Some(bytes) => {
                KeySet::read(bytes).map_err(|source| IssuerError::Pinned { issuer: options.issuer.clone(), source })?
            }
            None => KeySet::default(),
        };
        Ok(Self { options, pinned, fetched: RwLock::default(), attempt: tokio::sync::Mutex::default(), fetcher })
    }

    /// Whether it is ever asked for keys.
    fn is_online(&self) -> bool {
        self.options.pinned.is_none() || self.options.jwks.is_some()
    }

    /// The key that signed a token.
    pub(crate) async fn key(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Result<Key, NoKey> {
        if let Some(key) = self.known(id, algorithm) {
            if self.is_old() {
                tokio::spawn(Arc::clone(self).refresh());
            }
            return Ok(key);
        }
        if !self.is_online() {
            return Err(NoKey::Unknown);
        }
        // In a task of its own: a client that goes away must not keep the others from the issuer's new keys.
        let _ = tokio::spawn(Arc::clone(self).refresh()).await;
        if let Some(key) = self.known(id, algorithm) {
            return Ok(key);
        }
        let seen = self.fetched.read().unwrap_or_else(PoisonError::into_inner).is_some();
        Err(if seen || self.options.pinned.is_some() { NoKey::Unknown } else { NoKey::Unreachable })
    }

    fn known(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Key> {
        if let Some(key) = self.pinned.find(id, algorithm) {
            return Some(key.clone());
        }
        let fetched = self.fetched.read().unwrap_or_else(PoisonError::into_inner);
        fetched.as_ref().and_then(|fetched| fetched.keys.find(id, algorithm)).cloned()
    }

    fn is_old(&self) -> bool {
        let fetched = self.fetched.read().unwrap_or_else(PoisonError::into_inner);
        fetched.as_ref().is_some_and(|fetched| fetched.at.elapsed() > FRESH)
    }

    /// Fetches the keys, unless that was tried a moment ago. The last good set stays where the issuer is away.
    async fn refresh(self: Arc<Self>) {
        let mut attempt = self.attempt.lock().await;
        if attempt.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        *attempt = Some(Instant::now());
        match self.fetch().await {
            Ok(keys) => {
                let fetched = Fetched { keys, at: Instant::now() };
                *self.fetched.write().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
            }
            Err(problem) => {
                let issuer = &self.options.issuer;
                tracing::warn!(issuer, problem, "the keys of an issuer cannot be fetched; those known go on");
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, String> {
        let address = match &self.options.jwks {
            Some(address) => address.clone(),
            None => self.discover().await?,
        };
        let bytes = self.fetcher.get(&address).await.map_err(|error| format!("`{address}`: {}", chain(&error)))?;
        KeySet::read(&bytes).map_err(|error| format!("`{address}`: {}", chain(&error)))
    }

    /// Where the keys are, as the issuer's metadata says. Believed only if the metadata is of this very issuer.
    async fn discover(&self) -> Result<String, String> {
        let mut problems = Vec::new();
        for address in metadata_addresses(&self.options.issuer) {
            let read = match self.fetcher.get(&address).await {
                Ok(bytes) => serde_json::from_slice::<Metadata>(&bytes).map_err(|error| error.to_string()),
                Err(error) => Err(chain(&error)),
            };
            match read {
                Ok(metadata) if metadata.issuer == self.options.issuer => return Ok(metadata.jwks_uri),
                Ok(metadata) => problems.push(format!("`{address}` is of `{}`", metadata.issuer)),
                Err(problem) => problems.push(format!("`{address}`: {problem}")),
            }
        }
        Err(problems.join("; "))
    }
}

/// RFC 8414 puts its well-known path between host and path; OpenID Connect Discovery also behind both.
fn metadata_addresses(issuer: &str) -> Vec<String> {
    let after_scheme = issuer.find("://").map_or(0, |at| at + 3);
    let path_at =
        issuer.get(after_scheme..).and_then(|rest| rest.find('/')).map_or(issuer.len(), |at| at + after_scheme);
    let (host, path) = issuer.split_at_checked(path_at).unwrap_or((issuer, ""));
    let path = path.trim_end_matches('/');
    let mut addresses = vec![
        format!("{host}/.well-known/oauth-authorization-server{path}"),
        format!("{host}{path}/.well-known/openid-configuration"),
    ];
    if !path.is_empty() {
        addresses.insert(1, format!("{host}/.well-known/openid-configuration{path}"));
    }
    addresses
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
