use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{Event, Record};

/// Where records are written.
pub trait Sink: Send + Sync {
    /// Writes one record.
    fn write(&self, record: &Record);
}

/// The node's log (`tracing`), target `audit`. Calls at level debug, refusals at warn, the rest at info.
#[derive(Debug, Default)]
pub struct TraceSink;

impl Sink for TraceSink {
    fn write(&self, record: &Record) {
        match &record.event {
            Event::Called { principal, tenant, component, target, trace, end, microseconds } => {
                tracing::debug!(
                    target: "audit", principal, tenant, component, call = target, trace, ?end, microseconds, "called"
                );
            }
            Event::Unauthenticated { from, reason } => {
                tracing::warn!(target: "audit", from, reason, "not let in");
            }
            Event::Forbidden { principal, tenant, component, target, scopes } => {
                let scopes = scopes.join(" ");
                tracing::warn!(target: "audit", principal, tenant, component, call = target, scopes, "forbidden");
            }
            Event::Refused { component, reason, .. } => {
                tracing::warn!(target: "audit", component, reason, "refused");
            }
            Event::Quarantined { component, reason, milliseconds } => {
                tracing::warn!(target: "audit", component, reason, milliseconds, "quarantined");
            }
            Event::Denied { component, interface, wanted, reason } => {
                tracing::warn!(target: "audit", component, interface, wanted, reason, "denied");
            }
            Event::Loaded { component, digest, signer, native } => {
                let native = native.as_deref();
                tracing::info!(target: "audit", component, digest, signer, native, "loaded");
            }
            Event::RolledBack { component, from, to, signer, reason } => {
                tracing::warn!(target: "audit", component, from, to, signer, reason, "rolled back");
            }
            Event::Removed { component } => tracing::info!(target: "audit", component, "removed"),
            Event::ModelLoaded { model, variant, backend, bytes, microseconds, .. } => {
                tracing::info!(target: "audit", model, variant, backend, bytes, microseconds, "model loaded");
            }
            Event::ModelUnloaded { model, reason } => {
                tracing::info!(target: "audit", model, reason, "model unloaded");
            }
            Event::ModelUsed { principal, tenant, component, model, request, end, microseconds } => {
                let (principal, tenant) = (principal.as_deref(), tenant.as_deref());
                tracing::debug!(target: "audit", principal, tenant, component, model, request, ?end, microseconds, "model used");
            }
            Event::Revealed { component, secret } => {
                tracing::info!(target: "audit", component, secret, "secret revealed");
            }
        }
    }
}

/// A file of JSON lines, one record each, appended.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    file: Mutex<File>,
}

/// The audit file cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the audit file `{path}`")]
pub struct FileSinkError {
    path: PathBuf,
    source: std::io::Error,
}

impl FileSink {
    /// Opens or creates the file, for the host's user only: it tells what is called and refused.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(path: &Path) -> Result<Self, FileSinkError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| FileSinkError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }
}

impl Sink for FileSink {
    fn write(&self, record: &Record) {
        // One write call a line: lines of two processes do not mix in a file opened for appending.
        let line = serde_json::to_vec(record).map(|mut line| {
            line.push(b'\n');
            line
        });
        let written = line
            .map_err(std::io::Error::from)
            .and_then(|line| self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line));
        if let Err(error) = written {
            tracing::error!(path = %self.path.display(), %error, "the audit file cannot be written");
        }
    }
}
