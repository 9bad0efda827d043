//! Private keys: made, kept as PEM, used to sign.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use crate::public_key::{Algorithm, PublicKey};
use crate::{der, pem};

const LABEL: &str = "PRIVATE KEY";

/// A key that signs. As text a PEM `PRIVATE KEY` (PKCS#8), as `openssl genpkey` writes it. `Debug` shows the public half.
pub struct PrivateKey {
    pair: Pair,
    pkcs8: Vec<u8>,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    EcdsaP256(EcdsaKeyPair),
}

/// Why a text is no key that is taken, or why a key could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM block, more than one, or a damaged one.
    #[error("this is not one PEM block: it begins with `-----BEGIN {expected}-----`")]
    NotPem {
        /// The label that it should have.
        expected: &'static str,
    },
    /// Another kind of PEM.
    #[error("this is a PEM `{found}`, not a `{expected}`")]
    Label {
        /// The label that it should have.
        expected: &'static str,
        /// The label that it has.
        found: String,
    },
    /// A secret where everybody may read.
    #[error(
        "this is a private key where a public key belongs: use the public half, and make a new key if others could read \
         this one"
    )]
    PrivateInsteadOfPublic,
    /// A key with a password.
    #[error("this private key is encrypted: decrypt it with `openssl pkcs8 -in KEY -out NEW-KEY`")]
    Encrypted,
    /// A key of OpenSSL's older format.
    #[error("this private key is not in PKCS#8: convert it with `openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW-KEY`")]
    NotPkcs8,
    /// RSA, another curve, a compressed point, or damaged.
    #[error("this is neither an Ed25519 nor an uncompressed ECDSA P-256 key: make one with `tidegate key new`")]
    Algorithm,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandom,
}

impl PrivateKey {
    /// A new key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pkcs8 = match algorithm {
            Algorithm::Ed25519 => {
                let mut seed = [0; 32];
                random.fill(&mut seed).map_err(|_| KeyError::NoRandom)?;
                der::ed25519_pkcs8(&seed)
            }
            Algorithm::EcdsaP256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
                .map_err(|_| KeyError::NoRandom)?
                .as_ref()
                .to_vec(),
        };
        Self::from_pkcs8(pkcs8)
    }

    /// From a PEM `PRIVATE KEY`.
    ///
    /// # Errors
    /// Another text, an encrypted key, another algorithm.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (label, der) = pem::decode(text).ok_or(KeyError::NotPem { expected: LABEL })?;
        match label {
            LABEL => Self::from_pkcs8(der),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            other if other.ends_with(LABEL) && !other.starts_with("ENCRYPTED") => Err(KeyError::NotPkcs8),
            other => Err(KeyError::Label { expected: LABEL, found: other.chars().take(40).collect() }),
        }
    }

    /// As PEM. A secret: the file must be readable by its owner only.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.pkcs8)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match &self.pair {
            Pair::Ed25519(pair) => PublicKey::from_raw(Algorithm::Ed25519, pair.public_key().as_ref()),
            Pair::EcdsaP256(pair) => PublicKey::from_raw(Algorithm::EcdsaP256, pair.public_key().as_ref()),
        }
    }

    /// The signature over `message`: 64 bytes (Ed25519), or a DER `ECDSA-Sig-Value`.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`] for ECDSA.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::EcdsaP256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::NoRandom)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }

    fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self, KeyError> {
        let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).map(Pair::Ed25519);
        let p256 = || {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8, &SystemRandom::new()).map(Pair::EcdsaP256)
        };
        let pair = ed25519().or_else(|_| p256()).map_err(|_| KeyError::Algorithm)?;
        Ok(Self { pair, pkcs8 })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(secret of {:?})", self.public_key())
    }
}

#[cfg(test)]
mod tests;
