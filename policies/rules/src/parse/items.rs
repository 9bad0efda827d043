//! The items of a `[[grant]]`.

use std::path::{Component, Path, PathBuf};

use tidegate_grant::{Access, Address, Destination, DirectoryGrant, Grant, Granted, KvGrant};
use toml::de::DeTable;

use super::{Kind, Reader, Use};
use crate::claims::Claimed;
use crate::document::{Value, list};
use crate::names::{guest_path_problem, is_name, is_plain, is_variable};
use crate::nearest;
use crate::policy::Rule;

/// What a namespace may hold when the grant does not say.
const DEFAULT_KV_BYTES: u64 = 64 << 20;
/// The most that a namespace may hold: beyond, a database is the better place.
const MAX_KV_BYTES: u64 = 64 << 30;
/// Suffixes of names that normally resolve to addresses which no name opens.
const PRIVATE_SUFFIXES: &[&str] = &[".local", ".lan", ".internal", ".intranet", ".home.arpa", ".private", ".corp"];

impl Reader<'_, '_> {
    pub(super) fn directory(&mut self, value: &Value<'_>, rule: &mut Rule) {
        let Some(table) = self.document.table(value, "directories") else { return };
        self.document.check_keys(table, "`directories`", &["host", "guest", "access"]);
        let host = self.document.required_string(table, "host", "`directories`", value.span());
        let host = host.and_then(|(text, span)| self.path(text, "host", span));
        let guest = self.document.required_string(table, "guest", "`directories`", value.span());
        let guest = guest.and_then(|(text, span)| match guest_path_problem(text) {
            Some(problem) => {
                self.document.problem(span, format!("`guest` {problem}"));
                None
            }
            None => Some(text.to_owned()),
        });
        let access = self.access(table, "`directories`", value);
        if let (Some(host), Some(guest), Some(access)) = (host, guest, access) {
            self.check_own_folder(&host, access, value);
            self.claim(value, rule, Claimed::Directory { host: host.clone(), guest: guest.clone(), access });
            let origin = self.document.origin(&value.span());
            rule.grant.directories.push(DirectoryGrant { host, guest, access, origin });
        }
    }

    /// A component that can write where its policy lies can grant itself anything, at the next start. Compared as text;
    /// symbolic links are not followed here.
    fn check_own_folder(&mut self, host: &Path, access: Access, value: &Value<'_>) {
        if !plain(self.folder).starts_with(plain(host)) {
            return;
        }
        let host = host.display();
        if access == Access::ReadWrite {
            let message = format!(
                "`{host}` contains this policy file, and the component could rewrite its own grants: name a directory \
                 that does not"
            );
            self.document.problem(value.span(), message);
        } else {
            let message = format!("`{host}` contains this policy file and whatever keys lie beside it");
            let warning = self.document.problem_at(&value.span(), message);
            self.collected.policy.warnings.push(warning);
        }
    }

    pub(super) fn destination(&mut self, value: &Value<'_>, rule: &mut Rule) {
        let Some(text) = self.document.string(value, "network") else { return };
        match text.parse::<Destination>() {
            Ok(destination) => {
                self.warn_about(&destination, value);
                rule.grant.network.connect.push((destination, self.document.origin(&value.span())));
            }
            Err(error) => self.document.problem(value.span(), format!("`network`: {error}")),
        }
    }

    /// Destinations that are valid and probably not what was meant.
    fn warn_about(&mut self, destination: &Destination, value: &Value<'_>) {
        let message = match &destination.address {
            Address::Host(name) | Address::Domain(name) if is_usually_private(&destination.address, name) => {
                format!(
                    "`{destination}` usually resolves to a private address, which no name opens: add the address or \
                     its range"
                )
            }
            Address::Range(range) if range.prefix_len() == 0 => {
                format!(
                    "`{destination}` contains this machine, its networks and the cloud's metadata service; `*` means \
                     the public internet only"
                )
            }
            _ => return,
        };
        let warning = self.document.problem_at(&value.span(), message);
        self.collected.policy.warnings.push(warning);
    }

    pub(super) fn namespace(&mut self, value: &Value<'_>, rule: &mut Rule) {
        let Some(table) = self.document.table(value, "kv") else { return };
        self.document.check_keys(table, "`kv`", &["namespace", "access", "bytes"]);
        let namespace = self.document.required_string(table, "namespace", "`kv`", value.span());
        let namespace = namespace.and_then(|(text, span)| {
            if is_plain(text) {
                return Some(text.to_owned());
            }
            let message = format!("`{text}` is not a namespace: 1 to 63 letters, digits, `-`, `_` and `.`");
            self.document.problem(span, message);
            None
        });
        let access = self.access(table, "`kv`", value);
        let bytes = match table.get("bytes") {
            Some(value) => self.document.size(value, "bytes", 1, MAX_KV_BYTES),
            None => Some(DEFAULT_KV_BYTES),
        };
        if let (Some(namespace), Some(access), Some(bytes)) = (namespace, access, bytes) {
            self.claim(value, rule, Claimed::Kv { namespace: namespace.clone(), access, bytes });
            let origin = self.document.origin(&value.span());
            rule.grant.kv.push(KvGrant { namespace, access, bytes, origin });
        }
    }

    pub(super) fn granted_secret(&mut self, value: &Value<'_>, rule: &mut Rule) {
        let Some(name) = self.document.string(value, "secrets") else { return };
        let at = self.document.problem_at(&value.span(), "");
        self.collected.uses.push(Use { name: name.to_owned(), kind: Kind::Secret, at });
        let origin = self.document.origin(&value.span());
        rule.grant.secrets.push(Granted { value: name.to_owned(), origin });
    }

    pub(super) fn granted_model(&mut self, value: &Value<'_>, rule: &mut Rule) {
        let Some(name) = self.document.string(value, "models") else { return };
        if name != Grant::EVERY_MODEL && !is_name(name) {
            let message = format!(
                "`{name}` is not a model's name: lower case letters, digits and single `-`, a letter first; or `*` for every \
                 model of the node"
            );
            return self.document.problem(value.span(), message);
        }
        let origin = self.document.origin(&value.span());
        rule.grant.models.push(Granted { value: name.to_owned(), origin });
    }

    pub(super) fn environment(&mut self, value: &Value<'_>, rule: &mut Rule) {
        let Some(table) = self.document.table(value, "environment") else { return };
        for (key, value) in table.iter() {
            let name: &str = key.get_ref();
            if !is_variable(name) {
                let message = format!("`{name}` is not an environment variable's name");
                self.document.problem(key.span(), message);
                continue;
            }
            let Some(text) = self.text(value, name) else { continue };
            self.claim(value, rule, Claimed::Single { kind: "environment variable", name: name.to_owned() });
            let origin = self.document.origin(&value.span());
            rule.grant.environment.insert(name.to_owned(), Granted { value: text, origin });
        }
    }

    pub(super) fn config(&mut self, value: &Value<'_>, rule: &mut Rule) {
        let Some(table) = self.document.table(value, "config") else { return };
        for (key, value) in table.iter() {
            let name: &str = key.get_ref();
            if name.chars().any(char::is_control) {
                self.document.problem(key.span(), format!("`{name}` contains a control character"));
                continue;
            }
            let Some(text) = self.text(value, name) else { continue };
            self.claim(value, rule, Claimed::Single { kind: "setting", name: name.to_owned() });
            let origin = self.document.origin(&value.span());
            rule.grant.config.insert(name.to_owned(), Granted { value: text, origin });
        }
    }

    /// A string without zero bytes, which no program could receive.
    fn text(&mut self, value: &Value<'_>, name: &str) -> Option<String> {
        let text = self.document.string(value, name)?;
        if text.contains('\0') {
            self.document.problem(value.span(), format!("`{name}` contains a zero byte"));
            return None;
        }
        Some(text.to_owned())
    }

    fn access(&mut self, table: &DeTable<'_>, name: &str, value: &Value<'_>) -> Option<Access> {
        let words = [Access::ReadOnly.as_str(), Access::ReadWrite.as_str()];
        let (text, span) = self.document.required_string(table, "access", name, value.span())?;
        match text {
            "read-only" => Some(Access::ReadOnly),
            "read-write" => Some(Access::ReadWrite),
            other => {
                let hint = nearest(other, &words)
                    .map_or_else(|| format!("known are {}", list(&words)), |word| format!("did you mean `{word}`?"));
                self.document.problem(span, format!("unknown access `{other}`; {hint}"));
                None
            }
        }
    }
}

/// A path without `.` and `..`, as far as the text says.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// Names without a dot, and names below suffixes for private networks.
fn is_usually_private(address: &Address, name: &str) -> bool {
    let plain = matches!(address, Address::Host(_)) && !name.contains('.');
    plain || PRIVATE_SUFFIXES.iter().any(|suffix| format!(".{name}").ends_with(suffix))
}
