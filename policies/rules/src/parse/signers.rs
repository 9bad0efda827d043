//! `[signers.NAME]` and `[secrets.NAME]`.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::DeTable;

use super::Reader;
use crate::document::Value;
use crate::names::{is_name, is_plain, is_variable};
use crate::policy::{PublicKey, Role, Secret, SecretSource, Signer};
use crate::{LOCAL_BUILD, nearest};

const ROLES: &[&str] = &["component"];

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
        self.document.check_keys(table, &title, &["public-key", "public-key-file", "roles"]);
        let roles = match table.get("roles") {
            Some(value) => self.roles(value),
            None => BTreeSet::from([Role::Component]),
        };
        let key = match (table.get("public-key"), table.get("public-key-file")) {
            (Some(value), None) => self.pem(value)?,
            (None, Some(value)) => {
                let text = self.document.string(value, "public-key-file")?.to_owned();
                PublicKey::File(self.path(&text, "public-key-file", value.span())?)
            }
            (None, None) => {
                self.document.problem(span, format!("{title} needs `public-key` or `public-key-file`"));
                return None;
            }
            (Some(_), Some(value)) => {
                self.document.problem(value.span(), format!("{title} has `public-key` too: keep one of them"));
                return None;
            }
        };
        Some(Signer { key, roles, origin: self.document.origin(&span) })
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
                // Known by name, so that nobody believes to have granted it.
                Some("native-code") => {
                    let message = "the role `native-code` is not available in this version: a host runs only native code \
                                   that it compiled itself";
                    self.document.problem(item.span(), message);
                    false
                }
                Some(other) => {
                    let hint = nearest(other, ROLES).map_or_else(
                        || format!("there is only {}", crate::document::list(ROLES)),
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
