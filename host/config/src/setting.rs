//! Values that remember where they came from.

use std::fmt;

use serde::{Serialize, Serializer};
use tidegate_grant::Origin;

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Who set it.
    pub from: Provenance,
}

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// Nobody.
    Default,
    /// This line of the configuration file.
    File(Origin),
    /// This environment variable.
    Environment(&'static str),
    /// This option of the command line.
    Option(&'static str),
}

/// One setting for people and for `doctor --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingLine {
    /// Its key in the configuration file: `http.max-body`.
    pub key: &'static str,
    /// Its value as one writes it there.
    pub value: String,
    /// Who set it.
    pub from: Provenance,
}

impl<T> Setting<T> {
    /// A line for people.
    pub(crate) fn line(&self, key: &'static str, value: impl Fn(&T) -> String) -> SettingLine {
        SettingLine { key, value: value(&self.value), from: self.from.clone() }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(origin) => write!(f, "{origin}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Option(name) => write!(f, "option {name}"),
        }
    }
}

/// As text.
impl Serialize for Provenance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The values that were given for one setting, strongest first.
pub(crate) struct Given<T> {
    pub(crate) option: Option<(T, &'static str)>,
    pub(crate) environment: Option<(T, &'static str)>,
    pub(crate) file: Option<(T, Origin)>,
}

impl<T> Given<T> {
    /// Only the file can set it.
    pub(crate) fn file(file: Option<(T, Origin)>) -> Self {
        Self { option: None, environment: None, file }
    }

    /// The strongest.
    pub(crate) fn or_default(self, default: impl FnOnce() -> T) -> Setting<T> {
        match self {
            Self { option: Some((value, name)), .. } => Setting { value, from: Provenance::Option(name) },
            Self { environment: Some((value, name)), .. } => Setting { value, from: Provenance::Environment(name) },
            Self { file: Some((value, origin)), .. } => Setting { value, from: Provenance::File(origin) },
            _ => Setting { value: default(), from: Provenance::Default },
        }
    }
}
