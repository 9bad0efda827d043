//! An authorization server's keys and the tokens it would give: good ones, and every other kind.

use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use ring::{hmac, signature};
use serde_json::{Value, json};

/// Base64 as tokens have it.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Seconds since 1970, and some.
#[must_use]
pub fn seconds_from_now(seconds: i64) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_add(seconds)
}

/// Somebody who signs tokens with ES256.
#[derive(Debug)]
pub struct Signer {
    key: EcdsaKeyPair,
}

impl Signer {
    /// With a fresh key.
    ///
    /// # Errors
    /// No randomness.
    pub fn new() -> Result<Self> {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| anyhow!("no key"))?;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).map_err(|_| anyhow!("no key"))?;
        Ok(Self { key })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// Its set of keys, with the key `k`.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let point = self.public();
        let (x, y) = (encode(point.get(1..33).unwrap_or_default()), encode(point.get(33..).unwrap_or_default()));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "alg": "ES256", "x": x, "y": y}]})
    }

    /// Signs a token with this header and these claims.
    ///
    /// # Errors
    /// No randomness.
    pub fn token(&self, header: &Value, claims: &Value) -> Result<String> {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature: signature::Signature =
            self.key.sign(&SystemRandom::new(), message.as_bytes()).map_err(|_| anyhow!("no signature"))?;
        Ok(format!("{message}.{}", encode(signature)))
    }

    /// A token whose signature is an HMAC with the public key as the secret, in one of the forms people have it in.
    #[must_use]
    pub fn confused(&self, secret: &[u8], claims: &Value) -> String {
        let message =
            format!("{}.{}", encode(r#"{"alg":"HS256","typ":"at+jwt","kid":"k"}"#), encode(claims.to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", encode(tag))
    }
}
