//! `[[client]]`: who it is for, and what they may use.

use std::collections::BTreeMap;

use tidegate_grant::{Granted, ItemKind, Pattern};
use toml::de::DeTable;

use super::Reader;
use crate::client::{ClientMatch, ClientRule, kind_key};
use crate::document::Value;
use crate::names::is_plain;

const KEYS: &[&str] = &[
    "issuer",
    "subject",
    "claims",
    "scopes",
    "key",
    "uid",
    "gid",
    "tenant",
    "tools",
    "resources",
    "prompts",
    "models",
];
/// Keys that say for whom a line is, by the kind of client; the first of each is the one that makes it so.
const KINDS: &[&[&str]] = &[&["issuer", "subject", "claims", "scopes"], &["key"], &["uid", "gid"]];

/// Lets a client of an authorization server renew its tokens: a matter between these two, not of what it may use here.
const OFFLINE: &str = "offline_access";

impl Reader<'_, '_> {
    pub(super) fn client(&mut self, value: &Value<'_>) {
        let Some(table) = self.document.table(value, "client") else { return };
        self.document.check_keys(table, "[[client]]", KEYS);
        let who = self.who(table, value);
        let scopes = self.scopes(table);
        let mut allows = Vec::new();
        for kind in [ItemKind::Tool, ItemKind::Resource, ItemKind::Prompt, ItemKind::Model] {
            self.patterns(table, kind, &mut allows);
        }
        let tenant = table.get("tenant").and_then(|value| {
            let name = self.plain_name(value, "tenant")?;
            Some(Granted { value: name, origin: self.document.origin(&value.span()) })
        });
        let says = ["tenant", "tools", "resources", "prompts", "models"];
        if !says.iter().any(|key| table.contains_key(*key)) {
            let message = "[[client]] permits nothing: give `tools`, `resources`, `prompts` or `models`, such as \
                           `tools = [\"*\"]`";
            self.document.problem(value.span(), message);
        }
        let Some(who) = who else { return };
        let rule = ClientRule { who, scopes, tenant, allows, origin: self.document.origin(&value.span()) };
        self.check_tenant(&rule, value);
        self.collected.policy.clients.push(rule);
    }

    fn who(&mut self, table: &DeTable<'_>, value: &Value<'_>) -> Option<ClientMatch> {
        let named: Vec<&&[&str]> =
            KINDS.iter().filter(|keys| keys.iter().any(|key| table.contains_key(*key))).collect();
        match named.as_slice() {
            [] => {
                let message = "[[client]] is for nobody: give `issuer` (tokens), `key` (keys of this node), `uid` or `gid` \
                               (processes at the Unix socket)";
                self.document.problem(value.span(), message);
                None
            }
            [one] if one.contains(&"issuer") => self.token(table, value),
            [one] if one.contains(&"key") => {
                let value = table.get("key")?;
                match self.document.string(value, "key")? {
                    "*" => Some(ClientMatch::Key(None)),
                    _ => self.plain_name(value, "key").map(|name| ClientMatch::Key(Some(name))),
                }
            }
            [_] => {
                let number = |reader: &mut Self, key: &str| match table.get(key) {
                    // The largest number stands for nobody.
                    Some(value) => reader
                        .document
                        .number(value, key, 0, u64::from(u32::MAX) - 1)
                        .map(|number| Some(u32::try_from(number).unwrap_or(u32::MAX))),
                    None => Some(None),
                };
                let (uid, gid) = (number(self, "uid"), number(self, "gid"));
                Some(ClientMatch::Peer { uid: uid?, gid: gid? })
            }
            [_, second, ..] => {
                let extra = second.iter().find_map(|key| Some((*key, table.get(*key)?)));
                if let Some((key, value)) = extra {
                    let message = format!("`{key}` beside another kind of client: write a [[client]] for each kind");
                    self.document.problem(value.span(), message);
                }
                None
            }
        }
    }

    fn token(&mut self, table: &DeTable<'_>, value: &Value<'_>) -> Option<ClientMatch> {
        let (issuer, span) = self.document.required_string(table, "issuer", "[[client]]", value.span())?;
        if let Some(problem) = issuer_problem(issuer) {
            self.document.problem(span, format!("`issuer` {problem}"));
            return None;
        }
        let subject = match table.get("subject") {
            Some(value) => {
                let subject = self.document.string(value, "subject")?;
                if subject.is_empty() || subject == "*" {
                    let message = "`subject` is compared whole: leave it away for every subject of the issuer";
                    self.document.problem(value.span(), message);
                    return None;
                }
                Some(subject.to_owned())
            }
            None => None,
        };
        let claims = match table.get("claims") {
            Some(value) => self.claims(value)?,
            None => BTreeMap::new(),
        };
        Some(ClientMatch::Token { issuer: issuer.to_owned(), subject, claims })
    }

    fn claims(&mut self, value: &Value<'_>) -> Option<BTreeMap<String, String>> {
        let table = self.document.table(value, "claims")?;
        let mut claims = BTreeMap::new();
        for (key, value) in table.iter() {
            let name: &str = key.get_ref();
            if matches!(name, "iss" | "sub" | "scope" | "scp") {
                let message = format!("`{name}` is no condition here: `issuer`, `subject` and `scopes` are");
                self.document.problem(key.span(), message);
            } else if let Some(text) = self.document.string(value, &format!("claims.{name}")) {
                claims.insert(name.to_owned(), text.to_owned());
            }
        }
        Some(claims)
    }

    fn scopes(&mut self, table: &DeTable<'_>) -> Vec<String> {
        let Some(value) = table.get("scopes") else { return Vec::new() };
        let mut scopes: Vec<String> = Vec::new();
        for item in self.document.array(value, "scopes").unwrap_or_default() {
            let Some(scope) = self.document.string(item, "scopes") else { continue };
            if scope == OFFLINE {
                let message =
                    format!("`{OFFLINE}` is between a client and its authorization server: nothing here takes it");
                self.document.problem(item.span(), message);
            } else if !is_scope(scope) {
                let message =
                    format!("`{scope}` is no scope: letters, digits and signs without spaces, quotes and backslashes");
                self.document.problem(item.span(), message);
            } else if !scopes.iter().any(|one| one == scope) {
                scopes.push(scope.to_owned());
            }
        }
        scopes
    }

    fn patterns(&mut self, table: &DeTable<'_>, kind: ItemKind, allows: &mut Vec<(ItemKind, Pattern)>) {
        let key = kind_key(kind);
        let Some(value) = table.get(key) else { return };
        for item in self.document.array(value, key).unwrap_or_default() {
            let Some(text) = self.document.string(item, key) else { continue };
            match text.parse() {
                Ok(pattern) => allows.push((kind, pattern)),
                Err(error) => self.document.problem(item.span(), format!("`{key}`: {error}")),
            }
        }
    }

    fn plain_name(&mut self, value: &Value<'_>, key: &str) -> Option<String> {
        let name = self.document.string(value, key)?;
        if is_plain(name) {
            return Some(name.to_owned());
        }
        let message = format!("`{name}` is no name of a {key}: letters, digits, `-`, `_` and `.`");
        self.document.problem(value.span(), message);
        None
    }

    /// Two lines for exactly the same clients cannot give them to two tenants.
    fn check_tenant(&mut self, rule: &ClientRule, value: &Value<'_>) {
        let Some(tenant) = &rule.tenant else { return };
        let earlier = self.collected.policy.clients.iter().filter(|one| one.who == rule.who);
        let other = earlier.filter_map(|one| one.tenant.as_ref()).find(|one| one.value != tenant.value);
        if let Some(other) = other {
            let message = format!("these clients are already of tenant `{}`, by {}", other.value, other.origin);
            self.document.problem(value.span(), message);
        }
    }
}

/// Issuers are compared whole. Only https can be believed over a network.
fn issuer_problem(text: &str) -> Option<&'static str> {
    if text.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '|') {
        return Some("holds a sign that no address has");
    }
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_local = local
        .iter()
        .any(|start| text.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    match text.strip_prefix("https://") {
        Some(rest) if !rest.is_empty() => None,
        _ if is_local => None,
        _ => Some("must begin with `https://`, as the authorization server writes itself in its tokens (`iss`)"),
    }
}

/// A scope as RFC 6749, section 3.3, has it.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
