//! The signatures that tokens may have.

use std::fmt;
use std::str::FromStr;

/// An algorithm, by its name in JOSE (RFC 7518, RFC 8037). All are asymmetric: with `HS256` whoever knows the key that
/// verifies can sign, and a public key would be such a key; with `none` everybody can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, SHA-256; 2048 to 8192 bits.
    Rs256,
    /// RSA, PSS, SHA-256; 2048 to 8192 bits.
    Ps256,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// As JOSE writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            // RFC 9864 names the curve.
            "Ed25519" => Ok(Self::EdDsa),
            _ => Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
                format!("`{text}` is no algorithm that tokens may have here: `RS256`, `PS256`, `ES256` and `EdDSA` are")
            }),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
