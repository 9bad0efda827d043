//! Signing with an identity instead of a key: an authority certifies a key that lives for one signature, a log notes that,
//! a time authority says when. Which services those are, a signing configuration says (`signing_config.json`, as
//! Sigstore's tools have it); private ones work as public ones do.
//!
//! Network only where the configuration points, and never through a proxy that the environment names.

use std::net::IpAddr;
use std::time::Duration;

use sigstore_sign::oidc::IdentityToken;
use sigstore_sign::trust_root::SigningConfig;
use sigstore_sign::{SigningContext, SigningServices, reqwest};
use tidegate_bundle::{SignatureBundle, SignatureError, VerificationMaterial, check_strict_json};

/// Longest answer time of one service. Logs take seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The services to sign with.
#[derive(Debug, Clone)]
pub struct Services {
    services: SigningServices,
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum KeylessError {
    /// The signing configuration.
    #[error("the signing configuration cannot be used: {0}")]
    Config(String),
    /// Somebody would read the token on the way.
    #[error(
        "the signing configuration names `{0}`, which is not `https://`: everybody on the way could read the token"
    )]
    Plain(String),
    /// The token of who signs.
    #[error("the identity token cannot be used: {0}")]
    Token(String),
    /// It is too old.
    #[error("the identity token has expired: get a new one from the provider; they live for minutes")]
    Expired,
    /// A service refused or did not answer.
    #[error("{service} did not do its part: {message}")]
    Service {
        /// Whose part.
        service: &'static str,
        /// What it said.
        message: String,
    },
    /// What came out is not what we would verify.
    #[error("the services answered with something that no verifier would take")]
    Answer(#[from] SignatureError),
}

impl Services {
    /// Reads a `signing_config.json`. Rekor 1 and 2 are known, and a time authority is needed.
    ///
    /// # Errors
    /// Not strict JSON, a service is missing, or one would be asked without TLS.
    pub fn from_json(json: &[u8]) -> Result<Self, KeylessError> {
        let wrong = |error: &dyn std::fmt::Display| KeylessError::Config(error.to_string());
        check_strict_json(json).map_err(|error| wrong(&error))?;
        let text = std::str::from_utf8(json).map_err(|error| wrong(&error))?;
        let config = SigningConfig::from_json(text).map_err(|error| wrong(&error))?;
        let services = SigningServices::from_signing_config(&config).map_err(|error| wrong(&error))?;
        services.validate().map_err(|error| wrong(&error))?;
        let urls = [Some(services.fulcio_url()), Some(services.rekor_url()), services.tsa_url()];
        if let Some(plain) = urls.into_iter().flatten().find(|url| !is_private(url)) {
            return Err(KeylessError::Plain(plain.to_owned()));
        }
        Ok(Self { services })
    }

    /// The signature file (Sigstore bundle v0.3, JSON) for an in-toto statement, signed by whom `token` names (a JWT of an
    /// OpenID Connect provider that the authority knows).
    ///
    /// # Errors
    /// As [`KeylessError`] says. Nothing is kept: to try again is to sign again.
    pub async fn sign_statement(&self, payload: &[u8], token: &str) -> Result<Vec<u8>, KeylessError> {
        let token = IdentityToken::from_jwt(token.trim()).map_err(|error| KeylessError::Token(error.to_string()))?;
        if token.is_expired() {
            return Err(KeylessError::Expired);
        }
        tidegate_attestation::install_one_time_keys();
        let context = SigningContext::new(self.services.clone()).with_http_client(client()?);
        let bundle = context.signer(token).sign_raw_statement(payload).await.map_err(service)?;
        let mut file = bundle.to_json().map_err(|error| failed("the signing library", &error))?.into_bytes();
        file.push(b'\n');
        match SignatureBundle::parse(&file)?.material {
            VerificationMaterial::Certificate(_) => Ok(file),
            _ => Err(SignatureError::NoLogEntry.into()),
        }
    }
}

/// One client for all services.
fn client() -> Result<reqwest::Client, KeylessError> {
    // The first provider of the process stays; all of ours are this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
    client.map_err(|error| failed("TLS", &error))
}

/// TLS, or this machine.
fn is_private(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return url.starts_with("https://") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let address = host.and_then(|host| host.parse::<IpAddr>().ok());
    // What stands before an `@` is no host.
    !authority.contains('@') && address.is_some_and(|address| address.is_loopback())
}

fn service(error: sigstore_sign::Error) -> KeylessError {
    use sigstore_sign::Error;
    let service = match error {
        Error::Fulcio(_) => "the certificate authority",
        Error::Rekor(_) => "the transparency log",
        Error::Tsa(_) => "the time authority",
        _ => "the signing library",
    };
    failed(service, &error)
}

fn failed(service: &'static str, error: &dyn std::fmt::Display) -> KeylessError {
    // Answers of servers: nothing in them may act on a terminal, or fill it.
    let text = error.to_string();
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    KeylessError::Service { service, message: text.chars().take(500).map(plain).collect() }
}

#[cfg(test)]
mod tests;
