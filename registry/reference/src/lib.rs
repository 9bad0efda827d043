//! Component names, versions and digests: how people and files say which component they mean; and files read exactly.
//!
//! Pure: no clock, no IO. Every type is checked when it is made, so a value of it needs no second look.

mod digest;
mod exact;
mod name;
mod oci;
mod reference;
mod version;

pub use digest::{Digest, DigestError, Hasher};
pub use exact::read_exactly;
pub use name::{ComponentName, NameError};
pub use oci::{OciReference, OciReferenceError, RegistryHost, RepositoryName, Tag, Target};
pub use reference::{Reference, ReferenceError};
pub use version::{Version, VersionError};

/// Serde as text, by `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
use serde_as_text;

#[cfg(test)]
mod tests;
