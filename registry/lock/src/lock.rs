//! The lock itself: `tidegate.lock`, TOML, in one order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_reference::{ComponentName, Digest, Version, read_exactly};

/// Largest lock, in bytes: a thousand components with ten tools each have about 3 MB.
pub const MAX_LOCK_BYTES: usize = 16 << 20;
/// The one version of the format.
const FORMAT: u32 = 1;
/// What stands at the top, for people.
const HEAD: &str = "# What was approved on this node. Made by `tidegate lock`: do not change it by hand.\n";

/// What was approved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    components: Vec<Locked>,
    models: Vec<Locked>,
}

/// What was approved of one component. Lists are sorted and hold nothing twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Locked {
    /// Its name.
    pub name: ComponentName,
    /// Its version: also the lowest that may serve.
    pub version: Version,
    /// Its bytes.
    pub digest: Digest,
    /// The signer's name in the policy.
    pub signer: String,
    /// What proved it: a key's fingerprint, or identity and issuer. Empty for a local build.
    pub proof: String,
    /// Interfaces it imports.
    pub imports: Vec<String>,
    /// Interfaces and functions it exports.
    pub exports: Vec<String>,
    /// What it may do: the policy's key, a colon, and words for people, as in `network: connect to api.example.com:443`.
    pub grants: Vec<String>,
    /// Its tools, by name.
    #[serde(rename = "tool", default)]
    pub tools: Vec<LockedTool>,
}

/// What was approved of one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedTool {
    /// The component's own name for it.
    pub name: String,
    /// What models read.
    pub description: String,
    /// Hash of everything else that clients are told ([`crate::definition_hash`]).
    pub schema: Digest,
}

/// Why a text is no lock, or entries make none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// More than [`MAX_LOCK_BYTES`].
    #[error("the lock has {0} bytes, at most {MAX_LOCK_BYTES} are taken")]
    TooBig(usize),
    /// Not TOML, or not of these keys.
    #[error("the lock cannot be read: {0}")]
    Syntax(String),
    /// Another version of the format.
    #[error("the lock has version {0}, this host reads version {FORMAT}")]
    Format(u32),
    /// Somebody wrote it by hand, or merged two.
    #[error(
        "the lock was not written by `tidegate lock`: {0}; restore it from where it is kept, or make it anew and read the \
         differences"
    )]
    Order(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(rename = "component", default)]
    components: Vec<Locked>,
    #[serde(rename = "model", default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<Locked>,
}

impl Lock {
    /// A lock of these entries, in any order.
    ///
    /// # Errors
    /// A component or a tool stands twice.
    pub fn new(mut components: Vec<Locked>) -> Result<Self, LockError> {
        components.sort_by(|one, other| one.name.cmp(&other.name));
        components.iter_mut().for_each(Locked::sort);
        let lock = Self { components, models: Vec::new() };
        lock.check()?;
        Ok(lock)
    }

    /// The lock with these models in place of its own, in any order. Of a model there is nothing to import, export or call.
    ///
    /// # Errors
    /// A model stands twice.
    pub fn with_models(mut self, mut models: Vec<Locked>) -> Result<Self, LockError> {
        models.sort_by(|one, other| one.name.cmp(&other.name));
        self.models = models;
        self.check()?;
        Ok(self)
    }

    /// Reads the text of a lock. Only what [`Lock::to_text`] could have written is taken, apart from white space and
    /// comments.
    ///
    /// # Errors
    /// As [`LockError`] says.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        if text.len() > MAX_LOCK_BYTES {
            return Err(LockError::TooBig(text.len()));
        }
        let file = toml::Deserializer::parse(text).and_then(read_exactly::<File, _>);
        let file = file.map_err(|error| LockError::Syntax(error.to_string()))?;
        if file.version != FORMAT {
            return Err(LockError::Format(file.version));
        }
        let lock = Self { components: file.components, models: file.models };
        lock.check()?;
        Ok(lock)
    }

    /// The text: the same entries always give the same.
    ///
    /// # Errors
    /// Never for entries that [`Lock::new`] took.
    pub fn to_text(&self) -> Result<String, LockError> {
        let file = File { version: FORMAT, components: self.components.clone(), models: self.models.clone() };
        let text = toml::to_string(&file).map_err(|error| LockError::Syntax(error.to_string()))?;
        Ok(format!("{HEAD}{text}"))
    }

    /// The components, by name.
    #[must_use]
    pub fn components(&self) -> &[Locked] {
        &self.components
    }

    /// The models, by name.
    #[must_use]
    pub fn models(&self) -> &[Locked] {
        &self.models
    }

    /// What was approved of a model, if anything was.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&Locked> {
        self.models.iter().find(|locked| locked.name.as_str() == name)
    }

    /// What was approved of a component, if anything was.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Locked> {
        self.components.iter().find(|locked| locked.name.as_str() == name)
    }

    /// The lock with another entry in place of that of the same name.
    ///
    /// # Errors
    /// As [`Lock::new`].
    pub fn with(&self, locked: Locked) -> Result<Self, LockError> {
        let others = self.components.iter().filter(|other| other.name != locked.name);
        let mut components: Vec<Locked> = others.cloned().collect();
        components.push(locked);
        Self::new(components)?.with_models(self.models.clone())
    }

    fn check(&self) -> Result<(), LockError> {
        rising(self.components.iter().map(|locked| locked.name.as_str()), "component")?;
        rising(self.models.iter().map(|locked| locked.name.as_str()), "model")?;
        for locked in self.components.iter().chain(&self.models) {
            let of = |list: &'static str| format!("{list} of `{}`", locked.name);
            rising(locked.imports.iter().map(String::as_str), &of("import"))?;
            rising(locked.exports.iter().map(String::as_str), &of("export"))?;
            rising(locked.grants.iter().map(String::as_str), &of("grant"))?;
            rising(locked.tools.iter().map(|tool| tool.name.as_str()), &of("tool"))?;
        }
        Ok(())
    }
}

impl Locked {
    fn sort(&mut self) {
        for list in [&mut self.imports, &mut self.exports, &mut self.grants] {
            let sorted: BTreeSet<String> = list.drain(..).collect();
            list.extend(sorted);
        }
        self.tools.sort_by(|one, other| one.name.cmp(&other.name));
    }
}

/// Each name after the one before it: nothing twice, one order.
fn rising<'a>(names: impl Iterator<Item = &'a str>, what: &str) -> Result<(), LockError> {
    let mut last: Option<&str> = None;
    for name in names {
        if let Some(before) = last
            && before >= name
        {
            let kind = if before == name { "stands twice" } else { "is out of order" };
            return Err(LockError::Order(format!("the {what} `{}` {kind}", name.escape_debug())));
        }
        last = Some(name);
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
