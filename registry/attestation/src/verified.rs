//! The proof that a bundle was verified.

use std::fmt;
use std::sync::Arc;

use tidegate_bundle::{Bundle, Manifest};
use tidegate_reference::{Digest, Reference};

use crate::trust::Role;

/// A bundle that a trusted signer vouches for. Only [`crate::verify`] and [`crate::verify_local`] make one, and its
/// bytes are the very bytes that were hashed: nothing is read again. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct VerifiedBundle {
    bundle: Bundle,
    reference: Reference,
    signer: Signer,
    roles: Vec<Role>,
}

/// Who vouches for a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Signer {
    /// A signer of the trust root, by one of its pinned keys.
    PinnedKey {
        /// How policy calls it.
        name: String,
        /// Fingerprint of the key that signed.
        fingerprint: String,
    },
    /// A signer of the trust root, by a name that an authority certified.
    Identity {
        /// How policy calls it.
        name: String,
        /// The name in the certificate.
        identity: String,
        /// Who vouched for the name.
        issuer: String,
    },
    /// This host: the component was built here. Development mode only.
    LocalBuild,
}

impl VerifiedBundle {
    /// The one place where the type comes into being.
    pub(crate) fn new(bundle: Bundle, reference: Reference, signer: Signer, roles: Vec<Role>) -> Self {
        Self { bundle, reference, signer, roles }
    }

    /// The component's bytes.
    #[must_use]
    pub fn bytes(&self) -> &Arc<[u8]> {
        self.bundle.bytes()
    }

    /// Their digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.bundle.digest()
    }

    /// The name and version that the signer gave it.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Who vouches for it.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// What the signer is believed in.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// What it offers and requests; foreign components have no manifest.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.bundle.manifest()
    }

    /// The bundle: imports, exports, size.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }
}

impl Signer {
    /// The name by which policy rules find this signer; none for what was built here.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::PinnedKey { name, .. } | Self::Identity { name, .. } => Some(name),
            Self::LocalBuild => None,
        }
    }

    /// What proved it: a key's fingerprint, or an identity and its issuer; none for what was built here.
    #[must_use]
    pub fn proof(&self) -> Option<String> {
        match self {
            Self::PinnedKey { fingerprint, .. } => Some(fingerprint.clone()),
            Self::Identity { identity, issuer, .. } => Some(format!("{identity}, by {issuer}")),
            Self::LocalBuild => None,
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PinnedKey { name, fingerprint } => write!(f, "{name} ({fingerprint})"),
            Self::Identity { name, identity, issuer } => write!(f, "{name} ({identity}, by {issuer})"),
            Self::LocalBuild => f.write_str("built on this machine (development mode)"),
        }
    }
}
