//! The client: what it is told, and where it stands with each registry.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use tidegate_reference::RegistryHost;

use crate::auth::Authorization;
use crate::credentials::Credentials;
use crate::error::TransportError;
use crate::exchange::Idle;
use crate::reach::Reach;
use crate::tls::{self, RootsError};
use crate::url::Origin;

/// What a client is told.
#[derive(Debug, Clone, Default)]
pub struct ClientSettings {
    /// Names and passwords.
    pub credentials: Credentials,
    /// Registries beyond this machine that are spoken to without TLS.
    pub plain_http: BTreeSet<RegistryHost>,
    /// Root certificates beside the public ones, PEM. With them, registries on this machine are spoken to with TLS too.
    pub extra_roots: Vec<u8>,
}

/// Speaks to registries. Cheap to share; connections are kept and used again.
pub struct Client {
    pub(crate) settings: ClientSettings,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) idle: Mutex<HashMap<Origin, Idle>>,
    sessions: Mutex<HashMap<RegistryHost, Session>>,
}

/// Where we stand with a registry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    /// How far inside it is.
    pub(crate) reach: Option<Reach>,
    /// What it wants to see, by what is done.
    pub(crate) authorization: HashMap<String, Authorization>,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    /// The extra roots are no certificates.
    pub fn new(settings: ClientSettings) -> Result<Self, RootsError> {
        let tls = tls::config(&settings.extra_roots)?;
        Ok(Self { settings, tls, idle: Mutex::default(), sessions: Mutex::default() })
    }

    /// How a registry is spoken to: with TLS, except on this machine and where it was asked for.
    pub(crate) fn origin(&self, registry: &RegistryHost) -> Origin {
        let plain = self.settings.plain_http.contains(registry)
            || (registry.is_loopback() && self.settings.extra_roots.is_empty());
        Origin { tls: !plain, registry: registry.clone() }
    }

    /// Whether plain HTTP to this host is permitted.
    pub(crate) fn check_plain(&self, origin: &Origin) -> Result<(), TransportError> {
        if origin.tls || origin.registry.is_loopback() || self.settings.plain_http.contains(&origin.registry) {
            return Ok(());
        }
        Err(TransportError::PlainHttp(origin.shown()))
    }

    pub(crate) fn session<T>(&self, registry: &RegistryHost, with: impl FnOnce(&mut Session) -> T) -> T {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        with(sessions.entry(registry.clone()).or_default())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}
