//! What differs, in people's words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use tidegate_reference::{Digest, Version};

use crate::lock::{Lock, Locked, LockedTool};
use crate::words::{plain, short};

/// Everything that differs about one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its name.
    pub component: String,
    /// At least one.
    pub changes: Vec<Change>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum Change {
    /// A component that was not approved.
    Added {
        /// Its version.
        version: Version,
        /// Who signed it.
        signer: String,
    },
    /// A component that is not there any more.
    Removed {
        /// Its version.
        version: Version,
    },
    /// Another version.
    Version {
        /// Before.
        from: Version,
        /// Now.
        to: Version,
    },
    /// Other bytes.
    Digest {
        /// Before.
        from: Digest,
        /// Now.
        to: Digest,
    },
    /// Another signer, or another proof of it.
    Signer {
        /// Before.
        from: String,
        /// Now.
        to: String,
    },
    /// It imports something more.
    Imports(String),
    /// It imports something no more.
    ImportsNoMore(String),
    /// It exports something more.
    Exports(String),
    /// It exports something no more.
    ExportsNoMore(String),
    /// It may do something more.
    May(String),
    /// It may do something no more.
    MayNoMore(String),
    /// A tool that was not approved. A tool with another name is another tool.
    Tool {
        /// Its name.
        name: String,
        /// What models read.
        description: String,
    },
    /// A tool that is not there any more.
    ToolNoMore(String),
    /// Models read something else about a tool.
    Description {
        /// The tool.
        tool: String,
        /// Before.
        from: String,
        /// Now.
        to: String,
    },
    /// A tool takes or gives something else, or has other hints.
    Schema(String),
}

/// What differs from `before` to `after`, by component. Empty: nothing.
#[must_use]
pub fn differences(before: &Lock, after: &Lock) -> Vec<Changed> {
    let names: BTreeSet<&str> =
        before.components().iter().chain(after.components()).map(|locked| locked.name.as_str()).collect();
    let changed = names
        .into_iter()
        .map(|name| Changed { component: name.to_owned(), changes: changes(before.get(name), after.get(name)) });
    let models: BTreeSet<&str> =
        before.models().iter().chain(after.models()).map(|locked| locked.name.as_str()).collect();
    let models = models.into_iter().map(|name| {
        let changes = changes(before.model(name), after.model(name));
        Changed { component: format!("model {name}"), changes }
    });
    changed.chain(models).filter(|changed| !changed.changes.is_empty()).collect()
}

fn changes(before: Option<&Locked>, after: Option<&Locked>) -> Vec<Change> {
    match (before, after) {
        (Some(before), Some(after)) => before.changes_to(after),
        (None, Some(added)) => added.all(),
        (Some(removed), None) => vec![Change::Removed { version: removed.version.clone() }],
        (None, None) => Vec::new(),
    }
}

impl Locked {
    /// What differs from this to `after`, the most important first.
    #[must_use]
    pub fn changes_to(&self, after: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.version != after.version {
            changes.push(Change::Version { from: self.version.clone(), to: after.version.clone() });
        }
        if self.digest != after.digest {
            changes.push(Change::Digest { from: self.digest, to: after.digest });
        }
        let (from, to) = (self.signed_by(), after.signed_by());
        if from != to {
            changes.push(Change::Signer { from, to });
        }
        lists(&self.grants, &after.grants, Change::May, Change::MayNoMore, &mut changes);
        lists(&self.imports, &after.imports, Change::Imports, Change::ImportsNoMore, &mut changes);
        lists(&self.exports, &after.exports, Change::Exports, Change::ExportsNoMore, &mut changes);
        tools(&self.tools, &after.tools, &mut changes);
        changes
    }

    /// Everything about a component that nobody has approved.
    fn all(&self) -> Vec<Change> {
        let mut changes = vec![Change::Added { version: self.version.clone(), signer: self.signed_by() }];
        changes.extend(self.grants.iter().cloned().map(Change::May));
        changes.extend(self.imports.iter().cloned().map(Change::Imports));
        let tool = |tool: &LockedTool| Change::Tool { name: tool.name.clone(), description: tool.description.clone() };
        changes.extend(self.tools.iter().map(tool));
        changes
    }

    fn signed_by(&self) -> String {
        if self.proof.is_empty() { self.signer.clone() } else { format!("{} ({})", self.signer, self.proof) }
    }
}

fn lists(
    before: &[String],
    after: &[String],
    more: fn(String) -> Change,
    less: fn(String) -> Change,
    changes: &mut Vec<Change>,
) {
    changes.extend(after.iter().filter(|one| !before.contains(one)).cloned().map(more));
    changes.extend(before.iter().filter(|one| !after.contains(one)).cloned().map(less));
}

fn tools(before: &[LockedTool], after: &[LockedTool], changes: &mut Vec<Change>) {
    let known: BTreeMap<&str, &LockedTool> = before.iter().map(|tool| (tool.name.as_str(), tool)).collect();
    for tool in after {
        let Some(old) = known.get(tool.name.as_str()) else {
            changes.push(Change::Tool { name: tool.name.clone(), description: tool.description.clone() });
            continue;
        };
        if old.description != tool.description {
            let (from, to) = (old.description.clone(), tool.description.clone());
            changes.push(Change::Description { tool: tool.name.clone(), from, to });
        }
        if old.schema != tool.schema {
            changes.push(Change::Schema(tool.name.clone()));
        }
    }
    let gone = before.iter().filter(|old| !after.iter().any(|tool| tool.name == old.name));
    changes.extend(gone.map(|tool| Change::ToolNoMore(tool.name.clone())));
}

// === impl Change ===

impl Change {
    /// Whether the component can do more, or say something else to models, than was approved.
    #[must_use]
    pub fn is_more(&self) -> bool {
        !matches!(
            self,
            Self::Removed { .. }
                | Self::ImportsNoMore(_)
                | Self::ExportsNoMore(_)
                | Self::MayNoMore(_)
                | Self::ToolNoMore(_)
        )
    }
}

/// One line, or three with the texts that models read: `+` more, `-` less, `~` other.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = |grant: &str| plain(grant.split_once(": ").map_or(grant, |(_, what)| what));
        match self {
            Self::Added { version, signer } => write!(f, "+ component, version {version}, signed by {}", plain(signer)),
            Self::Removed { version } => write!(f, "- component, version {version}"),
            Self::Version { from, to } => write!(f, "~ version {to} instead of {from}"),
            Self::Digest { from, to } => write!(f, "~ bytes {} instead of {}", short(to), short(from)),
            Self::Signer { from, to } => write!(f, "~ signed by {} instead of {}", plain(to), plain(from)),
            Self::Imports(name) => write!(f, "+ imports {}", plain(name)),
            Self::ImportsNoMore(name) => write!(f, "- imports {}", plain(name)),
            Self::Exports(name) => write!(f, "+ exports {}", plain(name)),
            Self::ExportsNoMore(name) => write!(f, "- exports {}", plain(name)),
            Self::May(grant) => write!(f, "+ may {}", may(grant, &what(grant))),
            Self::MayNoMore(grant) => write!(f, "- may {}", may(grant, &what(grant))),
            Self::Tool { name, description } => {
                write!(f, "+ tool {}\n    now:    {}", plain(name), plain(description))
            }
            Self::ToolNoMore(name) => write!(f, "- tool {}", plain(name)),
            Self::Description { tool, from, to } => write!(
                f,
                "~ description of tool {}\n    before: {}\n    now:    {}",
                plain(tool),
                plain(from),
                plain(to)
            ),
            Self::Schema(tool) => write!(f, "~ arguments, result or hints of tool {}", plain(tool)),
        }
    }
}

/// A grant's words after "may": those of destinations are a verb already.
fn may(grant: &str, what: &str) -> String {
    match grant.split_once(": ").map_or("", |(key, _)| key) {
        "network" => what.to_owned(),
        "system" => format!("see the {what}"),
        "gateway" => format!("serve clients ({what})"),
        _ => format!("use {what}"),
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.component)?;
        for change in &self.changes {
            write!(f, "\n  {change}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
