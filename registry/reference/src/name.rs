//! A component's name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A component's name: `[a-z][a-z0-9-]{0,62}`, without `--` and without `-` at the end.
///
/// Safe as a file name, as a part of a URL and as a label in a metric. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentName(Arc<str>);

/// Why a text is no component name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is not a component name: 1 to {} lower-case letters, digits and single `-`, a letter first, no `-` at the end",
    shown(.0), ComponentName::MAX_BYTES
)]
pub struct NameError(String);

impl ComponentName {
    /// Longest name, in bytes: a DNS label, so that names fit wherever host names do.
    pub const MAX_BYTES: usize = 63;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl ComponentName ===

impl FromStr for ComponentName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let good = text.len() <= Self::MAX_BYTES
            && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
            && text.bytes().all(allowed)
            && !text.contains("--")
            && !text.ends_with('-');
        if good { Ok(Self(text.into())) } else { Err(NameError(text.to_owned())) }
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for ComponentName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

crate::serde_as_text!(ComponentName);

/// A text from outside, cut short and with control characters escaped, for a message.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if short.is_empty() { "an empty text".to_owned() } else { format!("`{short}`") }
}
