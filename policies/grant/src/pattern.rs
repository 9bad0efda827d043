//! Patterns over what is in a catalog.

use std::fmt;
use std::str::FromStr;

/// `COMPONENT/NAME`, where each `*` stands for any text, also none. `tool-files/read_*` and `*/now` are patterns; `*` alone
/// is `*/*`. A component's own names are compared, not those of the catalog: which component keeps a bare name there
/// depends on which was added first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    component: String,
    name: String,
}

/// A text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not say of which component.
    #[error("`{0}` names no component: write `COMPONENT/NAME`, or `*/{0}` for every component's")]
    NoComponent(String),
    /// What stands before `/` is no component's name.
    #[error("`{0}` is no component's name: lower case letters, digits, single `-`, and `*` for any text")]
    BadComponent(String),
    /// It names nothing of the component.
    #[error("`{0}/` names nothing: write `{0}/*` for all that the component has")]
    NoName(String),
}

impl Pattern {
    /// Whether it stands for this thing of this component.
    #[must_use]
    pub fn fits(&self, component: &str, name: &str) -> bool {
        glob(self.component.as_bytes(), component.as_bytes()) && glob(self.name.as_bytes(), name.as_bytes())
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self { component: "*".to_owned(), name: "*".to_owned() });
        }
        let (component, name) = text.split_once('/').ok_or_else(|| PatternError::NoComponent(text.to_owned()))?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'*';
        if component.is_empty() || !component.bytes().all(plain) {
            return Err(PatternError::BadComponent(component.to_owned()));
        }
        if name.is_empty() {
            return Err(PatternError::NoName(component.to_owned()));
        }
        Ok(Self { component: component.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.component, self.name)
    }
}

/// Greedy with one way back, to the last `*`: at most length times length, whatever the pattern.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                back = Some((at, seen));
                at += 1;
            }
            Some(wanted) if wanted == byte => {
                at += 1;
                seen += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    at = star + 1;
                    seen = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn patterns_fit_what_they_say() {
        let cases = [
            ("*", "tool-files", "read", true),
            ("tool-files/*", "tool-files", "read", true),
            ("tool-files/*", "tool-files-evil", "read", false),
            ("tool-*/read", "tool-files", "read", true),
            ("*/read", "tool-files", "read_file", false),
            ("tool-files/read_*", "tool-files", "read_", true),
            ("a/*b*c", "a", "xbybzc", true),
            ("a/*b*c", "a", "xbyc!", false),
            ("a/file:///public/*", "a", "file:///public/x/y", true),
            ("a/file:///public/*", "a", "file:///private/public/", false),
            ("a/x", "a", "X", false),
        ];
        for (pattern, component, name, expected) in cases {
            assert_eq!(
                pattern.parse::<Pattern>().unwrap().fits(component, name),
                expected,
                "{pattern} {component}/{name}"
            );
        }
    }

    #[test]
    fn a_text_that_is_no_pattern_says_why() {
        for (text, said) in [
            ("read", "names no component"),
            ("", "names no component"),
            ("Tool/read", "no component's name"),
            ("/read", "no component's name"),
            ("tool/", "names nothing"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert_eq!("*".parse::<Pattern>().unwrap().to_string(), "*/*");
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern: Pattern = format!("a/{}b", "*a".repeat(200)).parse().unwrap();
        assert!(!pattern.fits("a", &"a".repeat(2_000)));
    }
}
