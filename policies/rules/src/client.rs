//! Which clients may use what: the decision over `[[client]]`.
//!
//! Lines that fit a client add up, as grants do. One thing can have one value only, the tenant: the most specific line that
//! names one decides, and two of the same rank that say different things let nobody in. Scopes never choose the tenant: a
//! client that comes back with more of them is still the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use tidegate_grant::{Allowance, Granted, ItemKind, Origin, Pattern, Principal, Reach};

use crate::policy::Policy;

/// One `[[client]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRule {
    /// For whom.
    pub who: ClientMatch,
    /// Scopes that a token must have, all of them, for what this line lets it use.
    pub scopes: Vec<String>,
    /// Whose these clients are.
    pub tenant: Option<Granted<String>>,
    /// What they may use.
    pub allows: Vec<(ItemKind, Pattern)>,
    /// Where it begins.
    pub origin: Origin,
}

/// Which clients a line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMatch {
    /// Those with a token.
    Token {
        /// Of this issuer, exactly.
        issuer: String,
        /// For this subject; none: any.
        subject: Option<String>,
        /// With these claims: each holds the text, or an array that has it.
        claims: BTreeMap<String, String>,
    },
    /// Those with the key of this name; none: any key of the node.
    Key(Option<String>),
    /// Processes on this machine that came through the node's Unix socket.
    Peer {
        /// Of this user.
        uid: Option<u32>,
        /// Whose primary group this is.
        gid: Option<u32>,
    },
}

/// A client that has proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// By a token, checked.
    Token {
        /// Who gave it.
        issuer: &'a str,
        /// For whom.
        subject: &'a str,
        /// Its other claims as texts; those inside of objects as `object.claim`, all of an array.
        claims: &'a BTreeMap<String, Vec<String>>,
        /// Its scopes.
        scopes: &'a [String],
    },
    /// By a key of the node.
    Key {
        /// The key's name.
        name: &'a str,
    },
    /// By the kernel's word.
    Peer {
        /// The process's user.
        uid: u32,
        /// Its primary group.
        gid: u32,
    },
}

/// Who a client is here, and by which lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Admission {
    /// Its stable name.
    pub client: String,
    /// Whose it is.
    pub tenant: Option<TenantEntry>,
    /// What it may use, in the order of the lines.
    pub uses: Vec<UseEntry>,
}

/// Whose a client is, and which line says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TenantEntry {
    /// The tenant.
    pub name: String,
    /// The line.
    pub by: Origin,
}

/// Something that a client may use, at once or with more scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UseEntry {
    /// `tools`, `resources`, `prompts` or `models`.
    pub kind: &'static str,
    /// `COMPONENT/NAME`.
    pub pattern: String,
    /// The scopes it takes.
    pub scopes: Vec<String>,
    /// Those of them that the client has not.
    pub missing: Vec<String>,
    /// The line.
    pub by: Origin,
    #[serde(skip)]
    allowance: Allowance,
}

/// Why a client is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// Nothing is said about it.
    #[error("no [[client]] of the policy is for `{0}`")]
    NoLine(String),
    /// Lines are for it, and permit nothing.
    #[error("the [[client]] lines for `{0}` permit nothing")]
    Nothing(String),
    /// Two lines of the same rank give it away.
    #[error("`{client}` is of tenant `{one}` by {one_by} and of `{other}` by {other_by}, which are equally specific")]
    Tenants {
        /// Its name.
        client: String,
        /// A tenant.
        one: String,
        /// By this line.
        one_by: Origin,
        /// Another one.
        other: String,
        /// By this line.
        other_by: Origin,
    },
}

/// Decides who a client is here and what it may use. Pure: the same arguments, the same decision.
///
/// # Errors
/// When no line is for it, or lines contradict each other: then it is not let in.
pub fn admit(policy: &Policy, identity: &Identity<'_>) -> Result<Admission, NotAdmitted> {
    let client = identity.name();
    let fitting: Vec<&ClientRule> = policy.clients.iter().filter(|rule| rule.who.fits(identity)).collect();
    if fitting.is_empty() {
        return Err(NotAdmitted::NoLine(client));
    }
    let tenant = tenant(&client, &fitting)?;
    let held = identity.scopes();
    let uses: Vec<UseEntry> = fitting.iter().flat_map(|rule| rule.uses(held)).collect();
    if uses.is_empty() {
        return Err(NotAdmitted::Nothing(client));
    }
    Ok(Admission { client, tenant, uses })
}

/// The scopes that lines speak of, each once, in alphabetical order.
#[must_use]
pub fn scopes(policy: &Policy) -> Vec<String> {
    let all: BTreeSet<&String> = policy.clients.iter().flat_map(|rule| &rule.scopes).collect();
    all.into_iter().cloned().collect()
}

fn tenant(client: &str, rules: &[&ClientRule]) -> Result<Option<TenantEntry>, NotAdmitted> {
    let named = || rules.iter().filter_map(|rule| Some((rule.who.rank(), rule.tenant.as_ref()?)));
    let Some(highest) = named().map(|(rank, _)| rank).max() else { return Ok(None) };
    let mut chosen: Option<&Granted<String>> = None;
    for (_, tenant) in named().filter(|(rank, _)| *rank == highest) {
        match chosen {
            Some(one) if one.value != tenant.value => {
                return Err(NotAdmitted::Tenants {
                    client: client.to_owned(),
                    one: one.value.clone(),
                    one_by: one.origin.clone(),
                    other: tenant.value.clone(),
                    other_by: tenant.origin.clone(),
                });
            }
            Some(_) => {}
            None => chosen = Some(tenant),
        }
    }
    Ok(chosen.map(|tenant| TenantEntry { name: tenant.value.clone(), by: tenant.origin.clone() }))
}

// === impl ClientRule ===

impl ClientRule {
    fn uses<'r>(&'r self, held: &'r [String]) -> impl Iterator<Item = UseEntry> + 'r {
        self.allows.iter().map(move |(kind, pattern)| {
            let missing: Vec<String> = self.scopes.iter().filter(|scope| !held.contains(scope)).cloned().collect();
            UseEntry {
                kind: kind_key(*kind),
                pattern: pattern.to_string(),
                scopes: self.scopes.clone(),
                by: self.origin.clone(),
                allowance: Allowance {
                    kind: *kind,
                    pattern: pattern.clone(),
                    scopes: self.scopes.clone(),
                    held: missing.is_empty(),
                },
                missing,
            }
        })
    }
}

/// The policy key of a kind.
pub(crate) fn kind_key(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Tool => "tools",
        ItemKind::Resource => "resources",
        ItemKind::Prompt => "prompts",
        ItemKind::Model => "models",
    }
}

// === impl ClientMatch ===

impl ClientMatch {
    /// Whether a client is meant.
    #[must_use]
    pub fn fits(&self, identity: &Identity<'_>) -> bool {
        match (self, identity) {
            (
                Self::Token { issuer, subject, claims },
                Identity::Token { issuer: from, subject: whom, claims: has, .. },
            ) => {
                let holds = |name: &String, text: &String| has.get(name).is_some_and(|texts| texts.contains(text));
                issuer == from
                    && subject.as_deref().is_none_or(|subject| subject == *whom)
                    && claims.iter().all(|(name, text)| holds(name, text))
            }
            (Self::Key(wanted), Identity::Key { name }) => wanted.as_deref().is_none_or(|wanted| wanted == *name),
            (Self::Peer { uid, gid }, Identity::Peer { uid: user, gid: group }) => {
                uid.is_none_or(|uid| uid == *user) && gid.is_none_or(|gid| gid == *group)
            }
            _ => false,
        }
    }

    /// How specific it is: a named subject, key or user before anything else, then the number of conditions.
    #[must_use]
    pub fn rank(&self) -> (bool, usize) {
        match self {
            Self::Token { subject, claims, .. } => (subject.is_some(), claims.len()),
            Self::Key(name) => (name.is_some(), 0),
            Self::Peer { uid, gid } => (uid.is_some(), usize::from(gid.is_some())),
        }
    }
}

// === impl Identity ===

impl Identity<'_> {
    /// A name that no other client has: `ISSUER|SUBJECT`, `key:NAME`, `uid:NUMBER`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Token { issuer, subject, .. } => format!("{issuer}|{subject}"),
            Self::Key { name } => format!("key:{name}"),
            Self::Peer { uid, .. } => format!("uid:{uid}"),
        }
    }

    fn scopes(&self) -> &[String] {
        match self {
            Self::Token { scopes, .. } => scopes,
            Self::Key { .. } | Self::Peer { .. } => &[],
        }
    }
}

// === impl Admission ===

impl Admission {
    /// The client as calls know it.
    #[must_use]
    pub fn principal(&self) -> Principal {
        let allowances = self.uses.iter().map(|entry| entry.allowance.clone()).collect();
        let tenant = self.tenant.as_ref().map(|tenant| tenant.name.clone());
        Principal::new(self.client.clone(), tenant, Reach::Only(allowances))
    }
}

impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.client)?;
        match &self.tenant {
            Some(tenant) => writeln!(f, "  tenant   {} ({})", tenant.name, tenant.by)?,
            None => writeln!(f, "  tenant   none")?,
        }
        for entry in &self.uses {
            let scopes = match (entry.scopes.as_slice(), entry.missing.as_slice()) {
                ([], _) => String::new(),
                (all, []) => format!(", by the scopes `{}`", all.join(" ")),
                (_, missing) => format!(", once it has the scopes `{}`", missing.join(" ")),
            };
            let may = if entry.missing.is_empty() { "may use" } else { "not yet" };
            writeln!(f, "  {may}  {} {}{scopes} ({})", entry.kind, entry.pattern, entry.by)?;
        }
        Ok(())
    }
}
