//! Everything that can be set about a registry.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tidegate_reference::Digest;

use crate::token::Scope;

/// Everything that can be set about a registry.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens. An address that other machines can reach needs [`Settings::tls`] or [`Settings::plain_http`].
    pub listen: SocketAddr,
    /// Directory for everything that is kept.
    pub data: PathBuf,
    /// Certificate and key; none: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Plain HTTP on an address that other machines can reach: a proxy before it has the certificate.
    pub plain_http: bool,
    /// What may be pulled without credentials.
    pub anonymous_pull: AnonymousPull,
    /// How much each namespace may keep.
    pub quotas: Quotas,
    /// Bounds on requests.
    pub limits: Limits,
    /// Signs the index; none: nobody does.
    pub index_signer: Option<IndexSigner>,
    /// How long a blob that no manifest names, and an upload that nobody continues, are kept. 24 h: a push that takes
    /// longer would lose its first blobs.
    pub grace: Duration,
    /// Time between two collections of what is not needed any more. 6 h.
    pub gc_every: Duration,
}

/// Signs an index: its digest to a signature file (Sigstore bundle v0.3). Nothing where that fails.
#[derive(Clone)]
pub struct IndexSigner(pub Arc<dyn Fn(Digest) -> Option<Vec<u8>> + Send + Sync>);

impl fmt::Debug for IndexSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexSigner(secret)")
    }
}

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What may be pulled without credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AnonymousPull {
    /// Nothing.
    #[default]
    Nothing,
    /// These repositories and namespaces.
    Of(Vec<Scope>),
    /// Everything.
    Everything,
}

/// Bytes that namespaces may keep. A blob that two repositories have counts for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Of every namespace that has none of its own. 10 GiB.
    pub default: u64,
    /// By namespace.
    pub namespaces: BTreeMap<String, u64>,
}

/// Bounds on requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest blob, in bytes. 10 GiB.
    pub max_blob: u64,
    /// Connections at the same time. 512; each costs a buffer and a file descriptor.
    pub connections: usize,
    /// Uploads that receive bytes at the same time. 32; each holds half a MiB.
    pub uploads: usize,
    /// Open uploads of one namespace. 256; each is a file.
    pub open_uploads: usize,
    /// Time for a request's head to arrive. 10 s.
    pub head: Duration,
    /// Longest silence in a body, in both directions. 30 s.
    pub silence: Duration,
}

// === impl Settings ===

impl Settings {
    /// The defaults, with these two.
    #[must_use]
    pub fn new(listen: SocketAddr, data: PathBuf) -> Self {
        Self {
            listen,
            data,
            tls: None,
            plain_http: false,
            anonymous_pull: AnonymousPull::Nothing,
            quotas: Quotas::default(),
            index_signer: None,
            limits: Limits::default(),
            grace: Duration::from_secs(24 * 3600),
            gc_every: Duration::from_secs(6 * 3600),
        }
    }
}

impl Quotas {
    /// What `namespace` may keep, in bytes.
    #[must_use]
    pub fn of(&self, namespace: &str) -> u64 {
        self.namespaces.get(namespace).copied().unwrap_or(self.default)
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self { default: 10 << 30, namespaces: BTreeMap::new() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_blob: 10 << 30,
            connections: 512,
            uploads: 32,
            open_uploads: 256,
            head: Duration::from_secs(10),
            silence: Duration::from_secs(30),
        }
    }
}
