//! What one component may do.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_grant::{Grant, Origin, Request, Requests};

use crate::explain::{Asked, Outcome, entries, grants};
use crate::permit::Permit;
use crate::policy::{Policy, Rule};

/// The component that is decided on. All of it was verified or read from verified bytes before.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The signer's name in the policy, or [`crate::LOCAL_BUILD`].
    pub signer: &'a str,
    /// The component's name.
    pub component: &'a str,
    /// The interfaces it imports, `wasi:http/outgoing-handler@0.2.12` for example.
    pub imports: &'a [String],
    /// What its manifest asks for; none: it has no manifest (a component made for another host).
    pub requests: Option<&'a Requests>,
}

/// What a component may do, and what was noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What is granted.
    pub grant: Grant,
    /// Which line set a limit, by key; what is not in it has its default.
    pub limit_origins: BTreeMap<&'static str, Origin>,
    /// What was noticed, the most serious first.
    pub findings: Vec<Finding>,
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// No `[signers]` entry of that name: nothing can be granted.
    UnknownSigner,
    /// An import that the grant does not cover: the component must not be loaded.
    ImportRefused,
    /// Something that the manifest asks for and no line grants: the component loads and goes without.
    RequestRefused,
    /// Something that is granted although the manifest does not ask for it: a line that can go.
    NotRequested,
}

/// Something about a decision that a person should see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// How serious.
    pub kind: FindingKind,
    /// What it is about, for people.
    pub message: String,
    /// The line it is about.
    pub origin: Option<Origin>,
    /// What would permit it; none: nothing can, or nothing has to.
    pub permit: Option<Permit>,
}

impl Decision {
    /// Whether the component may be loaded: the signer is known and everything it imports is granted or needs no
    /// grant.
    #[must_use]
    pub fn may_load(&self) -> bool {
        self.refusals().next().is_none()
    }

    /// The findings that keep it from being loaded.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| matches!(finding.kind, FindingKind::UnknownSigner | FindingKind::ImportRefused))
    }
}

/// Decides what a component may do. Pure: the same arguments, the same decision.
#[must_use]
pub fn decide(policy: &Policy, subject: &Subject<'_>) -> Decision {
    let (grant, limit_origins) = union(policy, subject);
    let mut findings = Vec::new();
    if !policy.knows_signer(subject.signer) {
        let message = format!("no policy names the signer `{}`", subject.signer);
        findings.push(Finding { kind: FindingKind::UnknownSigner, message, origin: None, permit: None });
    }
    for entry in entries(policy, subject, &grant) {
        let Outcome::Refused { permit } = entry.outcome else { continue };
        let kind = match entry.asked {
            Asked::Import => FindingKind::ImportRefused,
            Asked::Request { .. } => FindingKind::RequestRefused,
        };
        findings.push(Finding { kind, message: entry.what, origin: None, permit });
    }
    for entry in grants(subject, &grant).into_iter().filter(|entry| entry.asked_for == Some(false)) {
        let (message, origin) = (entry.line.what, Some(entry.line.origin));
        findings.push(Finding { kind: FindingKind::NotRequested, message, origin, permit: None });
    }
    findings.sort_by_key(|finding| finding.kind);
    Decision { grant, limit_origins, findings }
}

/// Everything that the matching rules name, and nothing else.
fn union(policy: &Policy, subject: &Subject<'_>) -> (Grant, BTreeMap<&'static str, Origin>) {
    let mut grant = Grant::default();
    let mut limit_origins = BTreeMap::new();
    if policy.knows_signer(subject.signer) {
        // Least specific first, so that what can have one value only is replaced by the more specific rule.
        for rule in policy.rules_for(subject.signer, subject.component) {
            add(rule, &mut grant, &mut limit_origins);
        }
    }
    (grant, limit_origins)
}

fn add(rule: &Rule, grant: &mut Grant, limit_origins: &mut BTreeMap<&'static str, Origin>) {
    let more = &rule.grant;
    for directory in &more.directories {
        // Two lines that say the same are one grant, of the first of them. Others cannot overlap: parsing refuses that.
        if !grant.directories.iter().any(|granted| granted.guest == directory.guest) {
            grant.directories.push(directory.clone());
        }
    }
    for (destination, origin) in &more.network.connect {
        if !grant.network.connect.iter().any(|(granted, _)| granted == destination) {
            grant.network.connect.push((destination.clone(), origin.clone()));
        }
    }
    for namespace in &more.kv {
        if grant.kv(&namespace.namespace).is_none() {
            grant.kv.push(namespace.clone());
        }
    }
    for secret in &more.secrets {
        if grant.secret(&secret.value).is_none() {
            grant.secrets.push(secret.clone());
        }
    }
    grant.environment.extend(more.environment.clone());
    grant.config.extend(more.config.clone());
    grant.system = grant.system.take().or_else(|| more.system.clone());
    grant.gateway = grant.gateway.take().or_else(|| more.gateway.clone());
    for model in &more.models {
        if !grant.models.iter().any(|granted| granted.value == model.value) {
            grant.models.push(model.clone());
        }
    }
    for limit in &rule.limits {
        limit.value.apply(&mut grant.limits);
        limit_origins.insert(limit.value.key(), limit.origin.clone());
    }
}

/// Which line grants a request; as an error, the line that grants less than was asked for, if there is one.
pub(crate) fn granted<'g>(grant: &'g Grant, request: &Request<'_>) -> Result<&'g Origin, Option<Less<'g>>> {
    use crate::names::{guest_path_contains, guest_paths_overlap};
    match request {
        Request::Directory(wanted) => {
            let near = grant.directories.iter().find(|granted| guest_paths_overlap(&granted.guest, &wanted.guest));
            match near {
                Some(near) if guest_path_contains(&near.guest, &wanted.guest) && near.access >= wanted.access => {
                    Ok(&near.origin)
                }
                Some(near) => {
                    let to = if guest_path_contains(&near.guest, &wanted.guest) {
                        format!("access = \"{}\"", wanted.access)
                    } else {
                        format!("guest = \"{}\", access = \"{}\"", wanted.guest, wanted.access)
                    };
                    Err(Some(Less { origin: &near.origin, to }))
                }
                None => Err(None),
            }
        }
        Request::Kv(wanted) => match grant.kv(&wanted.namespace) {
            Some(granted) if granted.access >= wanted.access => Ok(&granted.origin),
            Some(granted) => Err(Some(Less { origin: &granted.origin, to: format!("access = \"{}\"", wanted.access) })),
            None => Err(None),
        },
        Request::Network(wanted) => grant.network.covers(&wanted.connect).ok_or(None),
        Request::Environment(wanted) => grant.environment.get(&wanted.name).map(|granted| &granted.origin).ok_or(None),
        Request::Secret(wanted) => grant.secret(&wanted.name).map(|granted| &granted.origin).ok_or(None),
        Request::System(_) => grant.system.as_ref().ok_or(None),
        Request::Gateway(_) => grant.gateway.as_ref().ok_or(None),
        Request::Models(_) => grant.models.first().map(|granted| &granted.origin).ok_or(None),
    }
}

/// A line that grants less than was asked for, and what it would have to say.
pub(crate) struct Less<'g> {
    pub(crate) origin: &'g Origin,
    pub(crate) to: String,
}
