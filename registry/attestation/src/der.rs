//! The few DER structures that keys of two algorithms need, as fixed prefixes.

use crate::public_key::Algorithm;

/// `SubjectPublicKeyInfo` (RFC 5280, 4.1) up to the key: Ed25519 by RFC 8410, section 4.
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ED25519_KEY_BYTES: usize = 32;

/// The same for an uncompressed point on P-256: RFC 5480, section 2.
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P256_KEY_BYTES: usize = 65;
const UNCOMPRESSED: u8 = 4;

/// `PrivateKeyInfo` version 0 (RFC 5208) up to the 32 bytes of an Ed25519 seed: RFC 8410, section 7. Version 1, with the
/// public key, is what ring writes and what OpenSSL 3.0 does not read.
const ED25519_PKCS8: &[u8] =
    &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The raw public key in a `SubjectPublicKeyInfo`, and its algorithm.
pub(crate) fn from_spki(der: &[u8]) -> Option<(Algorithm, &[u8])> {
    if let Some(key) = der.strip_prefix(ED25519_SPKI) {
        return (key.len() == ED25519_KEY_BYTES).then_some((Algorithm::Ed25519, key));
    }
    let key = der.strip_prefix(P256_SPKI)?;
    (key.len() == P256_KEY_BYTES && key.first() == Some(&UNCOMPRESSED)).then_some((Algorithm::EcdsaP256, key))
}

/// The `SubjectPublicKeyInfo` of a raw public key.
pub(crate) fn to_spki(algorithm: Algorithm, key: &[u8]) -> Vec<u8> {
    let prefix = match algorithm {
        Algorithm::Ed25519 => ED25519_SPKI,
        Algorithm::EcdsaP256 => P256_SPKI,
    };
    [prefix, key].concat()
}

/// The `PrivateKeyInfo` of an Ed25519 seed.
pub(crate) fn ed25519_pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    [ED25519_PKCS8, seed].concat()
}
