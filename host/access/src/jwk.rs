//! Sets of public keys (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

use crate::Algorithm;

/// Keys that are kept of one set. Authorization servers publish two or three; each token is compared with all.
const KEYS: usize = 64;

/// Public keys that verify tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// One key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    id: Option<String>,
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed: 4, x, y.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A text is no set of keys.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// It is no JSON of the right form.
    #[error("this is no JSON Web Key Set")]
    Json(#[source] serde_json::Error),
    /// It has a private or a secret key in it.
    #[error("the set holds a private or secret key: whoever reads it can sign tokens; keep its public keys only")]
    Private,
    /// Nothing in it can verify a token.
    #[error("the set has no public key for `RS256`, `PS256`, `ES256` or `EdDSA`")]
    Empty,
    /// More keys than anybody needs.
    #[error("the set has {0} keys; at most {KEYS} are read")]
    Many(usize),
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<RawKey>,
}

/// As RFC 7517 and 7518 have it; members that say nothing about a public key are ignored.
#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

// === impl KeySet ===

impl KeySet {
    /// Reads a set. Keys of other kinds and for other purposes are left out.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, JwksError> {
        let raw: RawSet = serde_json::from_slice(bytes).map_err(JwksError::Json)?;
        if raw.keys.len() > KEYS {
            return Err(JwksError::Many(raw.keys.len()));
        }
        if raw.keys.iter().any(|key| key.d.is_some() || key.k.is_some()) {
            return Err(JwksError::Private);
        }
        let keys: Vec<Key> = raw.keys.into_iter().filter_map(RawKey::read).collect();
        if keys.is_empty() { Err(JwksError::Empty) } else { Ok(Self { keys }) }
    }

    /// The key that a token names, or the only one that could be meant by a token that names none.
    pub(crate) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting = self.keys.iter().filter(|key| key.suits(algorithm));
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)),
            None => match (fitting.next(), fitting.next()) {
                (Some(only), None) => Some(only),
                _ => None,
            },
        }
    }
}

// === impl Key ===

impl Key {
    fn suits(&self, algorithm: Algorithm) -> bool {
        let material = matches!(
            (&self.material, algorithm),
            (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (Material::P256(_), Algorithm::Es256)
                | (Material::Ed25519(_), Algorithm::EdDsa)
        );
        let named = self.algorithm.as_deref().is_none_or(|name| name.parse() == Ok(algorithm));
        material && named
    }

    /// Whether the signature over the message is this key's.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verified = match (&self.material, algorithm) {
            (Material::Rsa { n, e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Material::Rsa { n, e }, Algorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            }
            (Material::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Material::Ed25519(point), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

// === impl RawKey ===

impl RawKey {
    fn read(self) -> Option<Key> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                // Some write the sign's zero byte, which a number has not.
                let number = |text| bytes(text).map(|bytes| bytes.into_iter().skip_while(|byte| *byte == 0).collect());
                Material::Rsa { n: number(self.n)?, e: number(self.e)? }
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(self.x)?, bytes(self.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                Material::P256([&[4][..], &x, &y].concat())
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(self.x).filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Key { id: self.kid, algorithm: self.alg, material })
    }
}
