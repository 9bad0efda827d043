//! `[signers.NAME]` and `[secrets.NAME]`.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::DeTable;

use super::Reader;
use crate::document::Value;
use crate::names::{is_name, is_plain, is_variable};
use crate::policy::{PublicKey, Role, Secret, SecretSource, SignedBy, Signer, TrustedRoot};
use crate::{LOCAL_BUILD, nearest};

const ROLES: &[&str] = &["component", "native-code", "model"];
const KEYS: &[&str] = &["public-key", "public-key-file", "identity", "issuer", "trusted-root-file", "roles"];
/// Longest identity or issuer, in bytes; those of workflows have about 150.
const MAX_IDENTITY: usize = 2_048;

impl Reader<'_, '_> {
    pub(super) fn signers(&mut self, value: &Value<'_>) {
        let Some(table) = self.document.table(value, "signers") else { return };
        for (key, value) in table.iter() {
            let name: &str = key.get_ref();
            if name == LOCAL_BUILD {
                let message = format!(
                    "`{LOCAL_BUILD}` is not a signer: in development mode it stands for components built on this machine"
                );
                self.document.problem(key.span(), message);
            } else if !is_name(name) {
                let message = format!(
                    "`{name}` is not a signer's name: lower case letters, digits and single `-`, a letter first"
                );
                self.document.problem(key.span(), message);
            } else if let Some(other) = self.collected.policy.signers.get(name) {
                let message = format!("[signers.{name}] already stands at {}", other.origin);
                self.document.problem(key.span(), message);
            } else if let Some(signer) = self.signer(name, value, key.span()) {
                self.collected.policy.signers.insert(name.to_owned(), signer);
            }
        }
    }

    fn signer(&mut self, name: &str, value: &Value<'_>, span: Range<usize>) -> Option<Signer> {
        let title = format!("[signers.{name}]");
        let table = self.document.table(value, &format!("signers.{name}"))?;
        self.document.check_keys(table, &title, KEYS);
        let roles = match table.get("roles") {
            Some(value) => self.roles(value),
            None => BTreeSet::from([Role::Component]),
        };
        let identity = ["identity", "issuer", "trusted-root-file"].into_iter().find(|key| table.contains_key(*key));
        let by = match (table.get("public-key"), table.get("public-key-file"), identity) {
            (Some(value), None, None) => SignedBy::Key(self.pem(value)?),
            (None, Some(value), None) => {
                let text = self.document.string(value, "public-key-file")?.to_owned();
                SignedBy::Key(PublicKey::File(self.path(&text, "public-key-file", value.span())?))
            }
            (None, None, Some(_)) => self.identity(table, &title, span.clone())?,
            (None, None, None) => {
                let message = format!("{title} needs `public-key`, `public-key-file`, or `identity`");
                self.document.problem(span, message);
                return None;
            }
            (Some(_), Some(value), _) => {
                self.document.problem(value.span(), format!("{title} has `public-key` too: keep one of them"));
                return None;
            }
            (Some(value), None, Some(other)) | (None, Some(value), Some(other)) => {
                let message =
                    format!("{title} has `{other}` too: a key or an identity, give the other a signer of its own");
                self.document.problem(value.span(), message);
                return None;
            }
        };
        Some(Signer { by, roles, origin: self.document.origin(&span) })
    }

    /// A name in certificates, who vouches for it, and the authorities, if they are not those of the node: none of them a
    /// pattern.
    fn identity(&mut self, table: &DeTable<'_>, title: &str, span: Range<usize>) -> Option<SignedBy> {
        let identity = self.document.required_string(table, "identity", title, span.clone());
        let identity = identity.and_then(|(text, at)| self.name_of_person(text, "identity", at));
        let issuer = self.document.required_string(table, "issuer", title, span);
        let issuer = issuer.and_then(|(text, at)| self.name_of_person(text, "issuer", at));
        let root = match table.get("trusted-root-file") {
            None => Some(TrustedRoot::OfTheNode),
            Some(value) => {
                let text = self.document.string(value, "trusted-root-file").map(str::to_owned);
                text.and_then(|text| self.path(&text, "trusted-root-file", value.span())).map(TrustedRoot::File)
            }
        };
        Some(SignedBy::Identity { identity: identity?, issuer: issuer?, root: root? })
    }

    /// What is compared whole. People who write a pattern believe that it is one.
    fn name_of_person(&mut self, text: &str, key: &str, span: Range<usize>) -> Option<String> {
        let address = text.contains("://");
        let problem = if text.contains(['*', '^', '$', '|', '(', '[', '\\']) {
            Some("is compared whole, letter by letter: write the one name, patterns are not known here")
        } else if text.len() > MAX_IDENTITY || text.chars().any(|letter| letter.is_control() || letter.is_whitespace())
        {
            Some("has spaces or control characters in it, or is too long")
        } else if key == "issuer" && !address {
            Some("must be the address of who vouches for the identity, such as `https://accounts.example.com`")
        } else if key == "identity" && !address && !text.contains('@') {
            Some("must be an e-mail address or a URI, as it stands in the certificate")
        } else {
            None
        };
        if let Some(problem) = problem {
            self.document.problem(span, format!("`{key}` {problem}"));
            return None;
        }
        Some(text.to_owned())
    }

    fn pem(&mut self, value: &Value<'_>) -> Option<PublicKey> {
        let text = self.document.string(value, "public-key")?.trim();
        let label = "PUBLIC KEY-----";
        if text.contains("PRIVATE KEY-----") {
            let message = "`public-key` is a private key: whoever reads this file can sign; make a new key, and put its public half here";
            self.document.problem(value.span(), message);
            return None;
        }
        if !(text.starts_with(&format!("-----BEGIN {label}")) && text.ends_with(&format!("-----END {label}"))) {
            let message = "`public-key` is not a PEM public key, `-----BEGIN PUBLIC KEY-----` and so on";
            self.document.problem(value.span(), message);
            return None;
        }
        Some(PublicKey::Pem(format!("{text}\n")))
    }

    fn roles(&mut self, value: &Value<'_>) -> BTreeSet<Role> {
        let mut roles = BTreeSet::new();
        let Some(items) = self.document.array(value, "roles") else { return roles };
        if items.is_empty() {
            self.document.problem(value.span(), "`roles` is empty: the signature would count for nothing");
        }
        for item in items {
            match self.document.string(item, "roles") {
                Some("component") => roles.insert(Role::Component),
                Some("native-code") => roles.insert(Role::NativeCode),
                Some("model") => roles.insert(Role::Model),
                Some(other) => {
                    let hint = nearest(other, ROLES).map_or_else(
                        || format!("there are {}", crate::document::list(ROLES)),
                        |role| format!("did you mean `{role}`?"),
                    );
                    self.document.problem(item.span(), format!("unknown role `{other}`; {hint}"));
                    false
                }
                None => false,
            };
        }
        roles
    }

    pub(super) fn secrets(&mut self, value: &Value<'_>) {
        let Some(table) = self.document.table(value, "secrets") else { return };
        for (key, value) in table.iter() {
            let name: &str = key.get_ref();
            if !is_plain(name) {
                let message = format!("`{name}` is not a secret's name: letters, digits, `-`, `_` and `.`");
                self.document.problem(key.span(), message);
            } else if let Some(other) = self.collected.policy.secrets.get(name) {
                let message = format!("[secrets.{name}] already stands at {}", other.origin);
                self.document.problem(key.span(), message);
            } else if let Some(source) = self.secret(name, value, key.span()) {
                let origin = self.document.origin(&key.span());
                self.collected.policy.secrets.insert(name.to_owned(), Secret { source, origin });
            }
        }
    }

    fn secret(&mut self, name: &str, value: &Value<'_>, span: Range<usize>) -> Option<SecretSource> {
        let title = format!("[secrets.{name}]");
        let table: &DeTable<'_> = self.document.table(value, &format!("secrets.{name}"))?;
        self.document.check_keys(table, &title, &["file", "environment"]);
        match (table.get("file"), table.get("environment")) {
            (Some(value), None) => {
                let text = self.document.string(value, "file")?.to_owned();
                Some(SecretSource::File(self.path(&text, "file", value.span())?))
            }
            (None, Some(value)) => {
                let variable = self.document.string(value, "environment")?;
                if is_variable(variable) {
                    return Some(SecretSource::Environment(variable.to_owned()));
                }
                let message = format!("`{variable}` is not an environment variable's name");
                self.document.problem(value.span(), message);
                None
            }
            (None, None) => {
                self.document.problem(span, format!("{title} needs `file` or `environment`"));
                None
            }
            (Some(_), Some(value)) => {
                self.document.problem(value.span(), format!("{title} has `file` too: keep one of them"));
                None
            }
        }
    }
}
