//! The policy lines that would permit something.

use std::fmt;

use serde::Serialize;
use tidegate_grant::{Origin, Request};

use crate::policy::Policy;

/// What a person would write to permit what was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum Permit {
    /// Add these lines at the end of a policy file. Values in capital letters are placeholders.
    Append {
        /// TOML, several lines.
        toml: String,
    },
    /// Change what stands here, because a second line would contradict it.
    Change {
        /// Where.
        origin: Origin,
        /// To what: a part of the line.
        to: String,
    },
}

impl fmt::Display for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append { toml } => f.write_str(toml.trim_end()),
            Self::Change { origin, to } => write!(f, "{origin}: change to {to}"),
        }
    }
}

impl Permit {
    /// What to do with the lines.
    #[must_use]
    pub const fn instruction(&self) -> &'static str {
        match self {
            Self::Append { .. } => "add to a policy file:",
            Self::Change { .. } => "change a line:",
        }
    }

    /// A `[[grant]]` with one line in it, after what must be defined before.
    pub(crate) fn grant(policy: &Policy, signer: &str, component: &str, line: &str, before: &str) -> Self {
        let mut toml = String::from(before);
        if !policy.knows_signer(signer) {
            toml.push_str(&format!("[signers.{signer}]\npublic-key-file = \"{signer}.pub\"\n\n"));
        }
        toml.push_str(&format!("[[grant]]\nsigner = \"{signer}\"\ncomponent = \"{component}\"\n{line}\n"));
        Self::Append { toml }
    }

    /// The lines for a request that nothing grants.
    pub(crate) fn request(policy: &Policy, signer: &str, component: &str, request: &Request<'_>) -> Self {
        let mut before = String::new();
        let line = match request {
            Request::Directory(wanted) => {
                let (guest, access) = (quoted(&wanted.guest), wanted.access);
                format!(r#"directories = [{{ host = "/HOST/DIRECTORY", guest = {guest}, access = "{access}" }}]"#)
            }
            Request::Network(wanted) => format!(r#"network = ["{}"]"#, wanted.connect),
            Request::Environment(wanted) => format!(r#"environment = {{ {} = "VALUE" }}"#, quoted(&wanted.name)),
            Request::Kv(wanted) => {
                let namespace = quoted(&wanted.namespace);
                format!(r#"kv = [{{ namespace = {namespace}, access = "{}" }}]"#, wanted.access)
            }
            Request::Secret(wanted) => {
                if !policy.secrets.contains_key(&wanted.name) {
                    let name = quoted(&wanted.name);
                    before = format!("[secrets.{name}]\nfile = \"/FILE/WITH/SECRET\"\n\n");
                }
                format!("secrets = [{}]", quoted(&wanted.name))
            }
            Request::System(_) => "system = true".to_owned(),
            Request::Gateway(_) => "gateway = true".to_owned(),
            Request::Models(_) => "models = [\"MODEL\"]".to_owned(),
        };
        Self::grant(policy, signer, component, &line, &before)
    }
}

/// A TOML basic string, for a value or a key. The text comes from a manifest: it must not be able to end the string and
/// bring lines of its own into what a person pastes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            // Control characters, and those that let a line look like another one.
            _ if letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
