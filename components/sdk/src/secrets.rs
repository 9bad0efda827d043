//! Secrets: only those granted by policy, and every use is audited.
use std::fmt;

use crate::bindings::imports::tidegate::host::secrets as wit;

/// A secret, opened by name. Nothing that logs or prints one shows it.
pub struct Secret(wit::Secret);

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretError {
    /// Policy does not grant it; the text names the line that would permit it.
    Denied(String),
    /// It is granted, but the node does not have it; the text says where it was looked for.
    NotFound(String),
}

impl Secret {
    /// Opens a secret.
    ///
    /// # Errors
    /// It is not granted, or the node does not have it.
    pub fn open(name: &str) -> Result<Self, SecretError> {
        wit::Secret::open(name).map(Self).map_err(|error| match error {
            wit::Error::Denied(text) => SecretError::Denied(text),
            wit::Error::NotFound(text) => SecretError::NotFound(text),
        })
    }

    /// The bytes. Use them and let them go; do not put them into results or logs.
    #[must_use]
    pub fn reveal(&self) -> Vec<u8> {
        self.0.reveal()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(text) | Self::NotFound(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for SecretError {}
