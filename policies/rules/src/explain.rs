//! A decision for people: what is granted, what is refused, and by which line.

use std::fmt;

use serde::Serialize;
use tidegate_grant::{Destination, Grant, GrantLine, LIMITS, Limits, Origin, Request, format_bytes, format_duration};

use crate::decide::{Subject, decide, granted};
use crate::interfaces::{Need, need};
use crate::names::guest_paths_overlap;
use crate::permit::Permit;
use crate::policy::Policy;

/// Everything about one component's rights. As JSON: the fields in `kebab-case`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// The component.
    pub component: String,
    /// Its signer's name in the policy.
    pub signer: String,
    /// Whether the policy knows the signer.
    pub signer_known: bool,
    /// Whether it may be loaded.
    pub may_load: bool,
    /// What it imports and what its manifest asks for.
    pub entries: Vec<Entry>,
    /// Everything that is granted.
    pub grants: Vec<GrantEntry>,
    /// The limits it runs under.
    pub limits: Vec<LimitEntry>,
}

/// One import or request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// What it is about, for people.
    pub what: String,
    /// Who asked for it.
    pub asked: Asked,
    /// What the policy says.
    pub outcome: Outcome,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Asked {
    /// The component's binary imports it.
    Import,
    /// The manifest asks for it.
    Request {
        /// Why.
        reason: String,
    },
}

/// Something that is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GrantEntry {
    /// What, and by which line.
    #[serde(flatten)]
    pub line: GrantLine,
    /// Whether the manifest asks for it, or for a part of it; none: there is no manifest, or it is a setting, which
    /// nobody asks for.
    pub asked_for: Option<bool>,
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// Granted by a line.
    Granted {
        /// The line.
        by: Origin,
    },
    /// Needs no grant.
    Free,
    /// Not granted.
    Refused {
        /// What would permit it; none: no policy can.
        permit: Option<Permit>,
    },
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LimitEntry {
    /// The policy key.
    pub key: &'static str,
    /// Its value as one writes it in a policy.
    pub value: String,
    /// The line; none: the default.
    pub by: Option<Origin>,
    /// What goes wrong without it.
    pub reason: &'static str,
}

/// Explains the decision on a component.
#[must_use]
pub fn explain(policy: &Policy, subject: &Subject<'_>) -> Explanation {
    let decision = decide(policy, subject);
    let limit = |limit: &tidegate_grant::LimitKey| LimitEntry {
        key: limit.key,
        value: limit_value(limit.key, &decision.grant.limits),
        by: decision.limit_origins.get(limit.key).cloned(),
        reason: limit.reason,
    };
    Explanation {
        component: subject.component.to_owned(),
        signer: subject.signer.to_owned(),
        signer_known: policy.knows_signer(subject.signer),
        may_load: decision.may_load(),
        entries: entries(policy, subject, &decision.grant),
        grants: grants(subject, &decision.grant),
        limits: LIMITS.iter().map(limit).collect(),
    }
}

/// Imports and requests.
pub(crate) fn entries(policy: &Policy, subject: &Subject<'_>, grant: &Grant) -> Vec<Entry> {
    let imports = subject.imports.iter().map(|import| import_entry(policy, subject, grant, import));
    let requests = subject.requests.iter().flat_map(|requests| requests.iter());
    imports.chain(requests.map(|request| request_entry(policy, subject, grant, &request))).collect()
}

/// Everything that is granted.
pub(crate) fn grants(subject: &Subject<'_>, grant: &Grant) -> Vec<GrantEntry> {
    let asked_for = |line: &GrantLine| {
        let requests = subject.requests.filter(|_| line.key != "config")?;
        Some(requests.iter().any(|request| answers(line, &request)))
    };
    grant.lines().into_iter().map(|line| GrantEntry { asked_for: asked_for(&line), line }).collect()
}

fn request_entry(policy: &Policy, subject: &Subject<'_>, grant: &Grant, request: &Request<'_>) -> Entry {
    let outcome = match granted(grant, request) {
        Ok(by) => Outcome::Granted { by: by.clone() },
        Err(Some(less)) => {
            Outcome::Refused { permit: Some(Permit::Change { origin: less.origin.clone(), to: less.to }) }
        }
        Err(None) => {
            Outcome::Refused { permit: Some(Permit::request(policy, subject.signer, subject.component, request)) }
        }
    };
    Entry { what: request.to_string(), asked: Asked::Request { reason: request.reason().to_owned() }, outcome }
}

fn import_entry(policy: &Policy, subject: &Subject<'_>, grant: &Grant, import: &str) -> Entry {
    let need = need(import);
    let by = match need {
        Need::Nothing | Need::NotOffered => None,
        Need::Network => grant.network.connect.first().map(|(_, origin)| origin),
        Need::Kv => grant.kv.first().map(|granted| &granted.origin),
        Need::Secrets => grant.secrets.first().map(|granted| &granted.origin),
        Need::System => grant.system.as_ref(),
        Need::Gateway => grant.gateway.as_ref(),
        Need::Models => grant.models.first().map(|granted| &granted.origin),
    };
    let outcome = match (need, by) {
        (Need::Nothing, _) => Outcome::Free,
        (_, Some(by)) => Outcome::Granted { by: by.clone() },
        (_, None) => Outcome::Refused { permit: permit_import(policy, subject, need) },
    };
    Entry { what: format!("import {import}"), asked: Asked::Import, outcome }
}

/// The lines for an import: what the manifest asks for under that key, or an example.
fn permit_import(policy: &Policy, subject: &Subject<'_>, need: Need) -> Option<Permit> {
    let key = need.key()?;
    let request = subject.requests.and_then(|requests| requests.iter().find(|request| request.key() == key));
    if let Some(request) = request {
        return Some(Permit::request(policy, subject.signer, subject.component, &request));
    }
    let (line, before) = match need {
        Need::Network => ("network = [\"HOST.EXAMPLE:443\"]", ""),
        Need::Kv => ("kv = [{ namespace = \"NAMESPACE\", access = \"read-write\" }]", ""),
        Need::Secrets => ("secrets = [\"SECRET\"]", "[secrets.SECRET]\nfile = \"/FILE/WITH/SECRET\"\n\n"),
        Need::System => ("system = true", ""),
        Need::Gateway => ("gateway = true", ""),
        Need::Models => ("models = [\"MODEL\"]", ""),
        Need::Nothing | Need::NotOffered => return None,
    };
    Some(Permit::grant(policy, subject.signer, subject.component, line, before))
}

/// Whether a grant has to do with a request: it gives all of it, or a part.
fn answers(line: &GrantLine, request: &Request<'_>) -> bool {
    line.key == request.key()
        && match request {
            Request::Directory(wanted) => guest_paths_overlap(&line.name, &wanted.guest),
            Request::Network(wanted) => {
                let granted = line.name.parse::<Destination>();
                granted.is_ok_and(|granted| granted.covers(&wanted.connect) || wanted.connect.covers(&granted))
            }
            Request::Environment(wanted) => line.name == wanted.name,
            Request::Kv(wanted) => line.name == wanted.namespace,
            Request::Secret(wanted) => line.name == wanted.name,
            Request::System(_) | Request::Gateway(_) | Request::Models(_) => true,
        }
}

fn limit_value(key: &str, limits: &Limits) -> String {
    match key {
        "memory" => format_bytes(limits.memory),
        "table-elements" => limits.table_elements.to_string(),
        "instances" => limits.instances.to_string(),
        "host-call" => format_bytes(limits.host_call),
        "output" => format_bytes(limits.output),
        "deadline" => format_duration(limits.deadline),
        "concurrency" => limits.concurrency.to_string(),
        _ => String::new(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = if self.signer_known { "" } else { ", whom no policy names" };
        writeln!(f, "{} (signer {}{known})", self.component, self.signer)?;
        writeln!(f, "{}", if self.may_load { "may be loaded" } else { "is refused at load" })?;
        let free: Vec<&str> = self
            .entries
            .iter()
            .filter(|entry| entry.outcome == Outcome::Free)
            .map(|entry| entry.what.trim_start_matches("import "))
            .collect();
        for entry in &self.entries {
            write!(f, "{entry}")?;
        }
        for grant in &self.grants {
            let note = if grant.asked_for == Some(false) { ", not asked for: the line can go" } else { "" };
            writeln!(f, "  has      {} ({}{note})", printable(&grant.line.what), grant.line.origin)?;
        }
        if self.grants.is_empty() {
            writeln!(f, "  has      nothing: it can compute")?;
        }
        if !free.is_empty() {
            writeln!(f, "  imports without authority: {}", free.join(", "))?;
        }
        writeln!(f, "  limits:")?;
        for limit in &self.limits {
            let by = limit.by.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string);
            writeln!(f, "    {} = {} ({by})", limit.key, limit.value)?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Free => return Ok(()),
            Outcome::Granted { by } => writeln!(f, "  granted  {} ({by})", printable(&self.what))?,
            Outcome::Refused { .. } => writeln!(f, "  refused  {}", printable(&self.what))?,
        }
        if let Asked::Request { reason } = &self.asked {
            writeln!(f, "           asked for: {}", printable(reason))?;
        }
        match &self.outcome {
            Outcome::Refused { permit: Some(permit) } => {
                writeln!(f, "           to permit it, {}", permit.instruction())?;
                for line in permit.to_string().lines() {
                    writeln!(f, "             {line}")?;
                }
            }
            Outcome::Refused { permit: None } => writeln!(f, "           this host does not offer it")?,
            Outcome::Granted { .. } | Outcome::Free => {}
        }
        Ok(())
    }
}

/// Imports and reasons were written by the component's author: no line breaks, no escape sequences for the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
