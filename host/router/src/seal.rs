//! Sealed values: encrypted and authenticated, bound to whom they belong to, with an end.
//!
//! ```text
//! 1 byte: format, 1 | 16 bytes: salt | AES-256-GCM( 8 bytes: end, seconds since 1970, big endian | value ) | 16 bytes: tag
//! ```
//!
//! Every value has a key of its own, HMAC-SHA-256 of the salt under the node's key. So the nonce may be constant, and the
//! bound of 2^32 values for one key with random nonces (NIST SP 800-38D, 8.3) does not concern a cluster that runs for years.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

const FORMAT: u8 = 1;
const SALT: usize = 16;
const END: usize = 8;

/// Seals and opens.
pub(crate) struct Seals {
    master: hmac::Key,
}

/// To whom a value belongs.
pub(crate) struct Belongs<'a> {
    /// Name of the component that sealed it.
    pub(crate) component: &'a str,
    /// Who the client is.
    pub(crate) identity: &'a [u8],
    /// What the component bound it to.
    pub(crate) context: &'a [u8],
}

impl Seals {
    /// Seals under a key of 256 bits.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { master: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Seals a value until a moment. Nothing when the cipher refuses, which it does for lengths that no caller lets through.
    pub(crate) fn seal(&self, value: &[u8], belongs: &Belongs<'_>, until: u64, salt: [u8; SALT]) -> Option<Vec<u8>> {
        let key = self.key(&salt)?;
        let mut inside = Vec::with_capacity(END + value.len() + AES_256_GCM.tag_len());
        inside.extend_from_slice(&until.to_be_bytes());
        inside.extend_from_slice(value);
        key.seal_in_place_append_tag(nonce(), Aad::from(belongs.bytes()), &mut inside).ok()?;
        let mut sealed = Vec::with_capacity(1 + SALT + inside.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&salt);
        sealed.append(&mut inside);
        Some(sealed)
    }

    /// Opens a value that has not ended.
    pub(crate) fn open(&self, mut sealed: Vec<u8>, belongs: &Belongs<'_>, now: u64) -> Option<Vec<u8>> {
        let (head, inside) = sealed.split_at_mut_checked(1 + SALT)?;
        let (format, salt) = head.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let key = self.key(salt)?;
        let opened = key.open_in_place(nonce(), Aad::from(belongs.bytes()), inside).ok()?;
        let (until, value) = opened.split_at_checked(END)?;
        let until = u64::from_be_bytes(until.try_into().ok()?);
        (now < until).then(|| value.to_vec())
    }

    fn key(&self, salt: &[u8]) -> Option<LessSafeKey> {
        let key = hmac::sign(&self.master, salt);
        UnboundKey::new(&AES_256_GCM, key.as_ref()).ok().map(LessSafeKey::new)
    }
}

/// Constant: no key is used twice.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

impl Belongs<'_> {
    /// The parts with their lengths, so that two of them do not run into one.
    fn bytes(&self) -> Vec<u8> {
        let parts = [self.component.as_bytes(), self.identity, self.context];
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    const MINE: Belongs<'_> = Belongs { component: "p", identity: b"me", context: b"c" };

    #[test]
    fn every_node_with_the_key_opens_what_one_sealed_and_no_other_does() {
        let (one, other) = (Seals::new(&[7; 32]), Seals::new(&[7; 32]));
        let sealed = one.seal(b"state", &MINE, 100, [1; 16]).unwrap();
        assert_eq!(sealed.len(), b"state".len() + 41);
        assert_eq!(other.open(sealed.clone(), &MINE, 99).unwrap(), b"state");
        assert_eq!(Seals::new(&[8; 32]).open(sealed, &MINE, 99), None);
    }

    #[test]
    fn a_value_opens_for_whom_it_belongs_to_and_until_its_end() {
        let seals = Seals::new(&[7; 32]);
        let sealed = seals.seal(b"state", &MINE, 100, [1; 16]).unwrap();
        for (component, identity, context) in [
            ("q", &b"me"[..], &b"c"[..]),
            ("p", b"you", b"c"),
            ("p", b"me", b"d"),
            ("pm", b"e", b"c"),
            ("p", b"mec", b""),
        ] {
            assert_eq!(seals.open(sealed.clone(), &Belongs { component, identity, context }, 99), None);
        }
        assert_eq!(seals.open(sealed, &MINE, 100), None);
    }

    #[test]
    fn nothing_changed_or_cut_opens() {
        let seals = Seals::new(&[7; 32]);
        let sealed = seals.seal(b"state", &MINE, 100, [1; 16]).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seals.open(changed, &MINE, 99), None, "{at}");
            assert_eq!(seals.open(sealed[..at].to_vec(), &MINE, 99), None, "{at}");
        }
    }
}
