//! Development mode: components that were built on this machine need no signature, but a receipt.
//!
//! A receipt is a MAC by a key that never leaves this host. It cannot be made elsewhere, and means nothing elsewhere.

use std::fmt;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tidegate_bundle::{Bundle, Manifest};
use tidegate_reference::{Digest, Reference};

use crate::key::KeyError;
use crate::trust::Role;
use crate::verified::{Signer, VerifiedBundle};

/// First line of a receipt, and what its MAC begins with: the same key may authenticate other things.
const DOMAIN: &str = "tidegate-local-build-v1";
/// Longest receipt, in bytes.
const MAX_BYTES: usize = 1_024;

/// The secret of this host. `Debug` does not show it.
#[derive(Clone)]
pub struct HostKey([u8; 32]);

/// Why a component does not count as built on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalError {
    /// Not four lines as we write them.
    #[error("the receipt of `{0}` is damaged: build the component again on this machine")]
    Damaged(String),
    /// Made with another key, or for other bytes.
    #[error(
        "the receipt of `{0}` was not made on this machine for these bytes: build the component again on this machine, \
         or sign it with `tidegate sign`"
    )]
    NotFromHere(String),
    /// What was built is not what the component calls itself.
    #[error("`{component}` has a receipt as `{receipt}`, but its manifest says `{manifest}`: build it again")]
    OtherManifest {
        /// The bundle's label.
        component: String,
        /// What the receipt says.
        receipt: Box<Reference>,
        /// What the manifest says.
        manifest: Box<Reference>,
    },
}

impl HostKey {
    /// A new key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::NoRandom)?;
        Ok(Self(bytes))
    }

    /// A key that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// To keep it: a secret, readable by the host's user only.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn mac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

/// The receipt for a component that was just built on this machine: four lines of text.
#[must_use]
pub fn receipt(key: &HostKey, digest: Digest, reference: &Reference) -> Vec<u8> {
    let mut text = signed_part(digest, reference);
    let tag = hmac::sign(&key.mac(), text.as_bytes());
    text.push_str(&hex(tag.as_ref()));
    text.push('\n');
    text.into_bytes()
}

/// Verifies that `bundle` was built on the machine that has `key`.
///
/// # Errors
/// As [`LocalError`] says.
pub fn verify_local(bundle: Bundle, receipt: &[u8], key: &HostKey) -> Result<VerifiedBundle, LocalError> {
    let damaged = || LocalError::Damaged(bundle.label());
    let text = std::str::from_utf8(receipt).ok().filter(|text| text.len() <= MAX_BYTES).ok_or_else(damaged)?;
    let mut lines = text.lines();
    let (Some(DOMAIN), Some(reference)) = (lines.next(), lines.next()) else {
        return Err(damaged());
    };
    let reference: Reference = reference.parse().map_err(|_| damaged())?;
    // The text is built again from what is known for sure, so that only one text is a receipt for these bytes.
    let expected = signed_part(bundle.digest(), &reference);
    let tag = text.strip_prefix(expected.as_str()).and_then(|rest| rest.strip_suffix('\n'));
    let tag = tag.and_then(unhex).ok_or_else(|| LocalError::NotFromHere(bundle.label()))?;
    if hmac::verify(&key.mac(), expected.as_bytes(), &tag).is_err() {
        return Err(LocalError::NotFromHere(bundle.label()));
    }
    match bundle.manifest().map(Manifest::reference) {
        Some(manifest) if manifest != reference => {
            let (receipt, manifest) = (Box::new(reference), Box::new(manifest));
            Err(LocalError::OtherManifest { component: bundle.label(), receipt, manifest })
        }
        _ => Ok(VerifiedBundle::new(bundle, reference, Signer::LocalBuild, vec![Role::Component])),
    }
}

fn signed_part(digest: Digest, reference: &Reference) -> String {
    format!("{DOMAIN}\n{reference}\n{digest}\n")
}

/// 32 bytes as a digest has them: the same text form serves.
fn hex(bytes: &[u8]) -> String {
    <[u8; 32]>::try_from(bytes).map_or(String::new(), |bytes| Digest::from_bytes(bytes).to_hex())
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    Digest::from_hex(text).ok().map(|digest| *digest.as_bytes())
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey(secret)")
    }
}

#[cfg(test)]
mod tests;
