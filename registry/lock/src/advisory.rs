//! Components known to be bad: a file of one's own, or one that somebody keeps.
//!
//! ```toml
//! version = 1
//! [[advisory]]
//! digest = "sha256:..."          # or name and versions: name = "weather", below = "1.2.4"
//! reason = "Sends what it reads to a stranger."
//! ```

use serde::Deserialize;
use tidegate_reference::{ComponentName, Digest, Version, read_exactly};

use crate::lock::Locked;

/// Components known to be bad.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advisories {
    advisories: Vec<Advisory>,
}

/// Why a component is bad.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    /// These bytes.
    pub digest: Option<Digest>,
    /// Or every component of this name ...
    pub name: Option<ComponentName>,
    /// ... below this version; none: whatever the version.
    pub below: Option<Version>,
    /// Why, for people.
    pub reason: String,
}

/// Why a text is no list of advisories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvisoryError {
    /// Not TOML, or not of these keys.
    #[error("the advisories cannot be read: {0}")]
    Syntax(String),
    /// Another version of the format.
    #[error("the advisories have version {0}, this host reads version 1")]
    Format(u32),
    /// It names nothing.
    #[error("advisory {0} names neither a `digest` nor a `name`: it would never count")]
    Nothing(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    advisory: Vec<Advisory>,
}

impl Advisories {
    /// Reads the text of a list.
    ///
    /// # Errors
    /// As [`AdvisoryError`] says.
    pub fn parse(text: &str) -> Result<Self, AdvisoryError> {
        let file = toml::Deserializer::parse(text).and_then(read_exactly::<File, _>);
        let file = file.map_err(|error| AdvisoryError::Syntax(error.to_string()))?;
        if file.version != 1 {
            return Err(AdvisoryError::Format(file.version));
        }
        let nothing = |advisory: &Advisory| advisory.digest.is_none() && advisory.name.is_none();
        match file.advisory.iter().position(nothing) {
            Some(index) => Err(AdvisoryError::Nothing(index + 1)),
            None => Ok(Self { advisories: file.advisory }),
        }
    }

    /// Those about a component.
    pub fn about<'a>(&'a self, locked: &'a Locked) -> impl Iterator<Item = &'a Advisory> {
        self.advisories.iter().filter(|advisory| advisory.is_about(locked))
    }
}

impl Advisory {
    fn is_about(&self, locked: &Locked) -> bool {
        let bytes = self.digest.is_none_or(|digest| digest == locked.digest);
        let name = self.name.as_ref().is_none_or(|name| *name == locked.name);
        let version = self.below.as_ref().is_none_or(|below| locked.version < *below);
        bytes && name && version && (self.digest.is_some() || self.name.is_some())
    }
}
