//! Public keys: what a trust root pins.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use tidegate_reference::Digest;

use crate::key::KeyError;
use crate::{der, pem};

const LABEL: &str = "PUBLIC KEY";

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), the default.
    Ed25519,
    /// ECDSA on P-256 with SHA-256, for hardware and tools that know nothing else.
    EcdsaP256,
}

/// A public key. As text a PEM `PUBLIC KEY` (`SubjectPublicKeyInfo`), as OpenSSL and cosign write it.
///
/// `Display` shows the fingerprint. Equal keys are equal values, whatever their PEM looked like.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// 32 bytes (Ed25519), or 65 bytes (uncompressed point).
    raw: Vec<u8>,
}

impl PublicKey {
    pub(crate) fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Self {
        Self { algorithm, raw: raw.to_vec() }
    }

    /// From a PEM `PUBLIC KEY`.
    ///
    /// # Errors
    /// Another text, another algorithm, or a private key, which belongs in no policy.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (label, der) = pem::decode(text).ok_or(KeyError::NotPem { expected: LABEL })?;
        if label.ends_with("PRIVATE KEY") {
            return Err(KeyError::PrivateInsteadOfPublic);
        }
        if label != LABEL {
            return Err(KeyError::Label { expected: LABEL, found: label.chars().take(40).collect() });
        }
        let (algorithm, raw) = der::from_spki(&der).ok_or(KeyError::Algorithm)?;
        Ok(Self::from_raw(algorithm, raw))
    }

    /// As PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.to_spki())
    }

    /// The DER of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn to_spki(&self) -> Vec<u8> {
        der::to_spki(self.algorithm, &self.raw)
    }

    /// Its algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `SHA256:` and the base64, without padding, of the SHA-256 of [`PublicKey::to_spki`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Digest::of(&self.to_spki()).as_bytes()))
    }

    /// Whether `signature` over `message` was made with this key.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self.algorithm {
            Algorithm::Ed25519 => &ED25519,
            Algorithm::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
        };
        UnparsedPublicKey::new(algorithm, &self.raw).verify(message, signature).is_ok()
    }

    /// Whether a signer's hint means this key: our fingerprint, or the base64 of the same hash, as cosign writes it.
    pub(crate) fn is_hinted_by(&self, hint: &str) -> bool {
        let fingerprint = self.fingerprint();
        let bare = fingerprint.trim_start_matches("SHA256:");
        hint == fingerprint || hint.trim_end_matches('=') == bare
    }
}

// === impl PublicKey ===

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_pem(text)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.fingerprint())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm, self.fingerprint())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256",
        })
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match text {
            "ed25519" => Ok(Self::Ed25519),
            "ecdsa-p256" => Ok(Self::EcdsaP256),
            _ => Err(KeyError::Algorithm),
        }
    }
}
