//! Who a client is, and what it may use.

use std::fmt;
use std::sync::Arc;

use crate::{Challenge, Pattern};

/// Somebody on whose behalf calls are made. Cheap to clone; what it may use never grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    name: String,
    tenant: Option<String>,
    reach: Reach,
    challenge: Option<Challenge>,
}

/// What a principal may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everything: who owns the node, and who reaches it where nobody is asked who they are.
    Everything,
    /// What these say, and nothing else.
    Only(Vec<Allowance>),
}

/// Some things that a principal may use, at once or with more scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Of which kind.
    pub kind: ItemKind,
    /// Which.
    pub pattern: Pattern,
    /// Scopes that it takes; all of them.
    pub scopes: Vec<String>,
    /// Whether the principal has all of them.
    pub held: bool,
}

/// The kinds of things in a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// Tools, by the component's own name of each.
    Tool,
    /// Resources by address, resource templates by their text.
    Resource,
    /// Prompts, by the component's own name of each.
    Prompt,
    /// Models that a protocol component offers its clients, by the model's name. What a tool uses for its own work, who may
    /// call the tool may have.
    Model,
}

/// A thing in a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its kind.
    pub kind: ItemKind,
    /// The component that has it.
    pub component: &'a str,
    /// The component's own name of it.
    pub name: &'a str,
}

/// Whether a principal may use a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// It may.
    Allowed,
    /// It may once it has these scopes: those that the thing takes and those that it has by the same rules, so that asking
    /// for them loses nothing.
    WithScopes(Vec<String>),
    /// No scope helps. To the principal the thing is not there.
    Denied,
}

// === impl Principal ===

impl Principal {
    /// Somebody with a stable name, such as `ISSUER|SUBJECT`, `key:NAME` or `uid:1000`. Two principals are the same
    /// exactly if name and tenant are.
    #[must_use]
    pub fn new(name: impl Into<String>, tenant: Option<String>, reach: Reach) -> Self {
        Self(Arc::new(Inner { name: name.into(), tenant, reach, challenge: None }))
    }

    /// Who runs the node: standard input and output, the command line, an embedding application.
    #[must_use]
    pub fn owner() -> Self {
        Self::new("local", None, Reach::Everything)
    }

    /// Whoever reaches a node on its own machine that asks nobody who they are.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new("anonymous", None, Reach::Everything)
    }

    /// Nobody: a component that works for no client.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new("nobody", None, Reach::Only(Vec::new()))
    }

    /// The same, and how it is told that more scopes are needed.
    #[must_use]
    pub fn challenged_by(self, challenge: Challenge) -> Self {
        let Inner { name, tenant, reach, .. } = &*self.0;
        Self(Arc::new(Inner {
            name: name.clone(),
            tenant: tenant.clone(),
            reach: reach.clone(),
            challenge: Some(challenge),
        }))
    }

    /// Its stable name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// How it is told that more scopes are needed; none where no token can be had.
    #[must_use]
    pub fn challenge(&self) -> Option<&Challenge> {
        self.0.challenge.as_ref()
    }

    /// Bytes that differ for any two principals: what belongs to one is bound to them.
    #[must_use]
    pub fn identity(&self) -> Vec<u8> {
        let tenant = self.tenant().unwrap_or_default().as_bytes();
        let mut bytes = Vec::with_capacity(9 + tenant.len() + self.0.name.len());
        bytes.push(u8::from(self.tenant().is_some()));
        bytes.extend_from_slice(&(tenant.len() as u64).to_be_bytes());
        bytes.extend_from_slice(tenant);
        bytes.extend_from_slice(self.0.name.as_bytes());
        bytes
    }

    /// Whether two are the same, whatever they may use.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.name() == other.name() && self.tenant() == other.tenant()
    }

    /// What it may use.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.0.reach
    }

    /// Whether it may use everything, so that nothing has to be looked at one by one.
    #[must_use]
    pub fn may_use_everything(&self) -> bool {
        matches!(self.0.reach, Reach::Everything)
    }

    /// Whether it may use every tool of every component, those that are to come too: it has `*` for tools.
    #[must_use]
    pub fn may_use_every_tool(&self) -> bool {
        // No component and no tool has this name: nothing but `*` fits it.
        self.may_use(&Item { kind: ItemKind::Tool, component: "*", name: "*" }) == Use::Allowed
    }

    /// Whether it may use a thing.
    #[must_use]
    pub fn may_use(&self, item: &Item<'_>) -> Use {
        let Reach::Only(allowances) = &self.0.reach else { return Use::Allowed };
        let fits = |one: &&Allowance| one.kind == item.kind && one.pattern.fits(item.component, item.name);
        if allowances.iter().any(|one| one.held && fits(&one)) {
            return Use::Allowed;
        }
        // Of several ways the one that takes the fewest scopes; of equals the first.
        match allowances.iter().filter(fits).min_by_key(|one| one.scopes.len()) {
            Some(one) => Use::WithScopes(self.with_held(&one.scopes)),
            None => Use::Denied,
        }
    }

    /// These scopes, after those that are held.
    fn with_held(&self, scopes: &[String]) -> Vec<String> {
        let Reach::Only(allowances) = &self.0.reach else { return scopes.to_vec() };
        let held = allowances.iter().filter(|one| one.held).flat_map(|one| &one.scopes);
        let mut all: Vec<String> = Vec::new();
        for scope in held.chain(scopes) {
            if !all.contains(scope) {
                all.push(scope.clone());
            }
        }
        all
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tenant() {
            Some(tenant) => write!(f, "{} of {tenant}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests;
