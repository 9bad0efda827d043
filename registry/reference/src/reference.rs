//! Name and version together.

use std::fmt;
use std::str::FromStr;

use crate::name::shown;
use crate::{ComponentName, NameError, Version, VersionError};

/// `NAME@VERSION`: which component is meant. Only a digest says which bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The component's name.
    pub name: ComponentName,
    /// Its version.
    pub version: Version,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// No `@`.
    #[error("{} is not a reference: write `NAME@VERSION`, such as `tool-time@1.0.0`", shown(.0))]
    NoVersion(String),
    /// What stands before `@`.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What stands after `@`.
    #[error(transparent)]
    Version(#[from] VersionError),
}

impl Reference {
    /// A reference from its parts.
    #[must_use]
    pub fn new(name: ComponentName, version: Version) -> Self {
        Self { name, version }
    }
}

// === impl Reference ===

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (name, version) = text.split_once('@').ok_or_else(|| ReferenceError::NoVersion(text.to_owned()))?;
        Ok(Self { name: name.parse()?, version: version.parse()? })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

crate::serde_as_text!(Reference);
