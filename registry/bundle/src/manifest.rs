//! What a component offers and requests, written by its author: `tidegate.toml`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::Deserialize;
use tidegate_reference::{ComponentName, Reference, Version, read_exactly};

use tidegate_grant::Requests;

use crate::requests;

/// Name of the custom section that holds the manifest's text (UTF-8 TOML).
pub const MANIFEST_SECTION: &str = "tidegate:manifest";
/// Largest manifest, in bytes: it is parsed before anybody has vouched for it.
pub const MAX_MANIFEST_BYTES: usize = 64 * 1024;

/// A manifest. Unknown keys are errors. What it requests grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Manifest {
    /// The component's name.
    pub name: ComponentName,
    /// Its version.
    pub version: Version,
    /// What it is.
    pub kind: ComponentKind,
    /// One or two sentences for people, up to 1,000 characters.
    #[serde(default)]
    pub description: String,
    /// Whether instances keep something between calls.
    #[serde(default)]
    pub state: State,
    /// HTTP requests that a protocol component answers.
    #[serde(default)]
    pub http: Option<HttpManifest>,
    /// What it asks for.
    #[serde(default)]
    pub requests: Requests,
}

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentKind {
    /// Offers tools, resources or prompts.
    Tool,
    /// Speaks a protocol with client applications.
    Protocol,
    /// Runs a model.
    Model,
    /// Brings data to and from elsewhere.
    Sync,
    /// Drives a device.
    Driver,
    /// Adapts a server elsewhere.
    Upstream,
}

/// Whether instances keep something between calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A fresh instance for every call.
    #[default]
    Stateless,
    /// One named instance with a mailbox.
    Stateful,
}

/// `[http]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct HttpManifest {
    /// Absolute paths, 1 to 16, that it answers, such as `/serve`; `/serve/*` stands for everything below `/serve/`.
    pub paths: Vec<String>,
}

/// Why a text is no manifest. The author of the component is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST_BYTES`].
    #[error("the manifest has {0} bytes, at most {MAX_MANIFEST_BYTES} are taken")]
    TooBig(usize),
    /// Not UTF-8.
    #[error("the manifest is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// Not the TOML we ask for: a wrong type, an unknown key, a wrong name.
    #[error("manifest, line {line}, column {column}: {message}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The right types, but a value that makes no sense.
    #[error("manifest, `{key}`: {problem}")]
    Value {
        /// Which key.
        key: String,
        /// What is wrong with it.
        problem: ManifestProblem,
    },
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestProblem {
    /// Too much text for people, or control characters in it.
    #[error("write at most {0} characters on one line, without control characters")]
    Text(usize),
    /// A reason is missing.
    #[error("say why, for the person who decides on it")]
    NoReason,
    /// A list with too many entries, or none.
    #[error("write {0} to {1} entries")]
    Count(usize, usize),
    /// The same thing twice.
    #[error("{0} stands here twice: write it once")]
    Twice(String),
    /// A path that is not absolute and plain.
    #[error("`{0}` is not a plain absolute path: begin with `/`, without `.`, `..`, `//`, `?` and `#`")]
    Path(String),
    /// A name with other characters than letters, digits, `-`, `_` and `.`, or too long.
    #[error("`{0}` is not a name: 1 to 128 letters, digits, `-`, `_` and `.`")]
    Name(String),
    /// An amount of memory that is none.
    #[error("write an amount of memory, such as `180MiB`")]
    Memory,
    /// A table that belongs to another kind.
    #[error("only components with `kind = \"protocol\"` answer HTTP: remove the table or change the kind")]
    NotAProtocol,
}

impl Manifest {
    /// Name and version together.
    #[must_use]
    pub fn reference(&self) -> Reference {
        Reference::new(self.name.clone(), self.version.clone())
    }

    /// From the bytes of the custom section.
    ///
    /// # Errors
    /// As [`ManifestError`] says.
    pub(crate) fn from_section(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooBig(bytes.len()));
        }
        std::str::from_utf8(bytes).map_err(|error| ManifestError::NotUtf8(error.valid_up_to()))?.parse()
    }

    fn check(&self) -> Result<(), ManifestError> {
        at("description", check_text(&self.description, 1_000))?;
        if let Some(http) = &self.http {
            if self.kind != ComponentKind::Protocol {
                return Err(value("http", ManifestProblem::NotAProtocol));
            }
            at("http.paths", check_count(http.paths.len(), 1, 16))?;
            at("http.paths", http.paths.iter().try_for_each(|path| check_path(path)))?;
            at("http.paths", check_once(http.paths.iter()))?;
        }
        requests::check(&self.requests)
    }
}

// === impl Manifest ===

impl FromStr for Manifest {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooBig(text.len()));
        }
        let manifest: Self = toml::Deserializer::parse(text).and_then(read_exactly).map_err(|error| {
            let (line, column) = position(text, error.span());
            let message = error.message().trim_end_matches('.').replace('\n', ", ").escape_debug().to_string();
            ManifestError::Syntax { line, column, message }
        })?;
        manifest.check()?;
        Ok(manifest)
    }
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tool => "tool",
            Self::Protocol => "protocol",
            Self::Model => "model",
            Self::Sync => "sync",
            Self::Driver => "driver",
            Self::Upstream => "upstream",
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stateless => "stateless",
            Self::Stateful => "stateful",
        })
    }
}

// === checks ===

pub(crate) fn value(key: &str, problem: ManifestProblem) -> ManifestError {
    ManifestError::Value { key: key.to_owned(), problem }
}

pub(crate) fn at(key: &str, checked: Result<(), ManifestProblem>) -> Result<(), ManifestError> {
    checked.map_err(|problem| value(key, problem))
}

/// Text that people will read in a terminal: an escape sequence could rewrite what they see.
pub(crate) fn check_text(text: &str, max: usize) -> Result<(), ManifestProblem> {
    if text.chars().count() > max || text.chars().any(is_deceptive) { Err(ManifestProblem::Text(max)) } else { Ok(()) }
}

/// Control characters, and the marks that reverse the order of what is shown.
fn is_deceptive(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(crate) fn check_count(count: usize, min: usize, max: usize) -> Result<(), ManifestProblem> {
    if (min..=max).contains(&count) { Ok(()) } else { Err(ManifestProblem::Count(min, max)) }
}

pub(crate) fn check_path(path: &str) -> Result<(), ManifestProblem> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let good = path.len() <= 1_024
        && !path.chars().any(|c| is_deceptive(c) || matches!(c, '?' | '#' | '\\'))
        && path.strip_prefix('/').is_some_and(|rest| rest.is_empty() || rest.split('/').all(plain));
    if good { Ok(()) } else { Err(ManifestProblem::Path(path.escape_debug().to_string())) }
}

pub(crate) fn check_name(name: &str) -> Result<(), ManifestProblem> {
    let good = (1..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if good { Ok(()) } else { Err(ManifestProblem::Name(name.escape_debug().to_string())) }
}

pub(crate) fn check_once<T: fmt::Display>(entries: impl Iterator<Item = T>) -> Result<(), ManifestProblem> {
    let mut seen = std::collections::BTreeSet::new();
    for entry in entries {
        let text = format!("`{}`", entry.to_string().escape_debug());
        if seen.contains(&text) {
            return Err(ManifestProblem::Twice(text));
        }
        seen.insert(text);
    }
    Ok(())
}

/// Line and column, in characters from 1, of the beginning of `span`.
pub(crate) fn position(text: &str, span: Option<Range<usize>>) -> (usize, usize) {
    let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[cfg(test)]
mod tests;
