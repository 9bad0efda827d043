//! Names and passwords for registries, as a file holds them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use tidegate_reference::RegistryHost;

/// What one registry is told. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The user's name; registries with tokens do not look at it.
    #[serde(default = "anybody")]
    pub username: String,
    /// The password or token.
    pub password: String,
}

/// What registries are told, by host and port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials(BTreeMap<RegistryHost, Credential>);

/// Why a text holds no credentials. It never shows the text: there are secrets in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Not the JSON that is expected.
    #[error(
        "the credentials are not readable: write `{{\"registries\": {{\"HOST\": {{\"password\": \"...\"}}}}}}` (line {line})"
    )]
    Json {
        /// Where.
        line: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    registries: BTreeMap<RegistryHost, Credential>,
}

fn anybody() -> String {
    "token".to_owned()
}

impl Credentials {
    /// Reads a file's text: `{"registries": {"HOST[:PORT]": {"username": "...", "password": "..."}}}`.
    ///
    /// # Errors
    /// Another text.
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let document: Document =
            serde_json::from_str(text).map_err(|error| CredentialsError::Json { line: error.line() })?;
        Ok(Self(document.registries))
    }

    /// Adds or replaces what one registry is told.
    pub fn set(&mut self, registry: RegistryHost, credential: Credential) {
        self.0.insert(registry, credential);
    }

    /// What this registry is told: exactly this host and port.
    #[must_use]
    pub fn get(&self, registry: &RegistryHost) -> Option<&Credential> {
        self.0.get(registry)
    }
}

impl Credential {
    /// A password, or a token, for any user name.
    #[must_use]
    pub fn token(password: String) -> Self {
        Self { username: anybody(), password }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({:?}, secret)", self.username)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn secrets_stay_where_they_are() {
        let text = r#"{"registries": {"registry.example:5000": {"password": "hidden"}}}"#;
        let credentials = Credentials::parse(text).unwrap();
        assert_eq!(credentials.get(&"registry.example:5000".parse().unwrap()).unwrap().password, "hidden");
        assert!(credentials.get(&"registry.example".parse().unwrap()).is_none(), "another port is another registry");
        assert!(!format!("{credentials:?}").contains("hidden"));
        let error = Credentials::parse(r#"{"registries": {"x": {"pasword": "hidden"}}}"#).unwrap_err();
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}
