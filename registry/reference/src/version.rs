//! A component's version.

use std::fmt;
use std::str::FromStr;

use crate::name::shown;

/// A version by Semantic Versioning 2.0.0, without build metadata: two builds with equal precedence could not be told
/// apart by a version floor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not Semantic Versioning.
    #[error("{} is not a version: write three numbers such as `1.2.3`, or `1.2.3-rc.1`", shown(.0))]
    Syntax(String),
    /// `+` and what follows.
    #[error("{} has build metadata: leave out `+` and what follows it", shown(.0))]
    BuildMetadata(String),
}

impl Version {
    /// Longest version, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// A version without pre-release.
    #[must_use]
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// The parsed parts.
    #[must_use]
    pub fn as_semver(&self) -> &semver::Version {
        &self.0
    }
}

// === impl Version ===

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > Self::MAX_BYTES {
            return Err(VersionError::Syntax(text.to_owned()));
        }
        let version: semver::Version = text.parse().map_err(|_| VersionError::Syntax(text.to_owned()))?;
        if version.build.is_empty() { Ok(Self(version)) } else { Err(VersionError::BuildMetadata(text.to_owned())) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

crate::serde_as_text!(Version);
