//! Whom we believe, and in what.

use std::fmt;
use std::str::FromStr;

use crate::identity::{SigstoreRoot, TrustedIdentity};
use crate::public_key::PublicKey;

/// What a signer is believed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Signs components.
    Component,
    /// Signs native code, which runs without a sandbox.
    NativeCode,
    /// Signs models.
    Model,
}

/// A person, a team or a machine whose keys we have pinned, or whom authorities know by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedSigner {
    /// How policy calls it.
    pub name: String,
    /// Its keys: any one of them signs.
    pub keys: Vec<PublicKey>,
    /// Its names: any one of them signs.
    pub identities: Vec<TrustedIdentity>,
    /// What it is believed in.
    pub roles: Vec<Role>,
}

/// Everybody whom we believe. Empty: nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustRoot {
    signers: Vec<TrustedSigner>,
}

/// Why signers make no trust root: it would not be clear whose policy applies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The same name twice.
    #[error("the signer `{0}` stands twice: put all its keys into one")]
    NameTwice(String),
    /// The same key under two names.
    #[error("the key `{key}` belongs to the signers `{first}` and `{second}`: give each signer a key of its own")]
    KeyTwice {
        /// Its fingerprint.
        key: String,
        /// One owner.
        first: String,
        /// The other.
        second: String,
    },
    /// The same name under two names.
    #[error("the identity `{identity}` of `{issuer}` belongs to the signers `{first}` and `{second}`: leave it to one")]
    IdentityTwice {
        /// The name in certificates.
        identity: String,
        /// Who vouches for it.
        issuer: String,
        /// One owner.
        first: String,
        /// The other.
        second: String,
    },
    /// A signer that could never sign.
    #[error("the signer `{0}` has no key: give it a `public-key`, a `public-key-file`, or an `identity`")]
    NoKey(String),
}

impl TrustRoot {
    /// A trust root of these signers.
    ///
    /// # Errors
    /// A name or a key stands twice, or a signer has no key.
    pub fn new(signers: Vec<TrustedSigner>) -> Result<Self, TrustError> {
        for (i, signer) in signers.iter().enumerate() {
            if signer.keys.is_empty() && signer.identities.is_empty() {
                return Err(TrustError::NoKey(signer.name.clone()));
            }
            for earlier in signers.iter().take(i) {
                if earlier.name == signer.name {
                    return Err(TrustError::NameTwice(signer.name.clone()));
                }
                if let Some(key) = signer.keys.iter().find(|key| earlier.keys.contains(key)) {
                    let (first, second) = (earlier.name.clone(), signer.name.clone());
                    return Err(TrustError::KeyTwice { key: key.fingerprint(), first, second });
                }
                // Whatever the roots: people would not see which of the two a signature counts for.
                let same = |own: &&TrustedIdentity| {
                    earlier.identities.iter().any(|other| other.identity == own.identity && other.issuer == own.issuer)
                };
                if let Some(own) = signer.identities.iter().find(same) {
                    let (identity, issuer) = (own.identity.clone(), own.issuer.clone());
                    let (first, second) = (earlier.name.clone(), signer.name.clone());
                    return Err(TrustError::IdentityTwice { identity, issuer, first, second });
                }
            }
        }
        Ok(Self { signers })
    }

    /// The signers, in the order in which they were given.
    #[must_use]
    pub fn signers(&self) -> &[TrustedSigner] {
        &self.signers
    }

    /// Every identity with its signer.
    pub(crate) fn identities(&self) -> impl Iterator<Item = (&TrustedSigner, &TrustedIdentity)> {
        self.signers.iter().flat_map(|signer| signer.identities.iter().map(move |identity| (signer, identity)))
    }

    /// Every trusted root once.
    pub(crate) fn roots(&self) -> Vec<&SigstoreRoot> {
        let mut roots: Vec<&SigstoreRoot> = Vec::new();
        for (_, identity) in self.identities() {
            if !roots.contains(&&identity.root) {
                roots.push(&identity.root);
            }
        }
        roots
    }

    /// Every key with its signer.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&TrustedSigner, &PublicKey)> {
        self.signers.iter().flat_map(|signer| signer.keys.iter().map(move |key| (signer, key)))
    }
}

// === impl Role ===

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Component => "component",
            Self::NativeCode => "native-code",
            Self::Model => "model",
        })
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role of a signer: write `component`, `native-code` or `model`")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text {
            "component" => Ok(Self::Component),
            "native-code" => Ok(Self::NativeCode),
            "model" => Ok(Self::Model),
            other => Err(RoleError(other.escape_debug().to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
