//! Grants that cannot both hold for one component.

use std::path::PathBuf;

use tidegate_grant::Access;

use crate::names::guest_paths_overlap;
use crate::policy::ComponentPattern;
use crate::problem::Problem;

/// Something that a rule says about one signer's components.
pub(crate) struct Claim {
    pub(crate) signer: String,
    pub(crate) component: ComponentPattern,
    pub(crate) claimed: Claimed,
    /// Where, as a problem without a message.
    pub(crate) at: Problem,
}

/// What it says.
#[derive(PartialEq, Eq)]
pub(crate) enum Claimed {
    /// A directory.
    Directory { host: PathBuf, guest: String, access: Access },
    /// A namespace.
    Kv { namespace: String, access: Access, bytes: u64 },
    /// Something that has one value.
    Single { kind: &'static str, name: String },
}

/// A problem for every claim that contradicts one before it.
pub(crate) fn conflicts(claims: &[Claim]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, later) in claims.iter().enumerate() {
        let message = claims
            .iter()
            .take(index)
            .filter(|earlier| earlier.signer == later.signer && earlier.component.meets(&later.component))
            .find_map(|earlier| contradiction(earlier, later));
        if let Some(message) = message {
            problems.push(Problem { message, ..later.at.clone() });
        }
    }
    problems
}

/// A warning for every namespace that components share and that may hold more for one of them than for another.
pub(crate) fn shared_namespaces(claims: &[Claim]) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for (index, later) in claims.iter().enumerate() {
        let Claimed::Kv { namespace, bytes, .. } = &later.claimed else { continue };
        let other = claims.iter().take(index).find(|earlier| {
            let claimed = &earlier.claimed;
            matches!(claimed, Claimed::Kv { namespace: other, bytes: size, .. } if other == namespace && size != bytes)
        });
        if let Some(other) = other {
            let message = format!(
                "namespace `{namespace}` may hold another number of bytes at {}:{}; components share it, and the one \
                 with less is refused first",
                other.at.file, other.at.line
            );
            warnings.push(Problem { message, ..later.at.clone() });
        }
    }
    warnings
}

fn contradiction(earlier: &Claim, later: &Claim) -> Option<String> {
    let there = format!("{}:{}", earlier.at.file, earlier.at.line);
    match (&earlier.claimed, &later.claimed) {
        (Claimed::Directory { guest: other, .. }, Claimed::Directory { guest, .. })
            if earlier.claimed != later.claimed && guest_paths_overlap(other, guest) =>
        {
            Some(if guest == other {
                format!("guest directory `{guest}` is already granted at {there}, with another host path or access")
            } else {
                format!("guest directories `{guest}` and `{other}` ({there}) overlap: choose paths beside each other")
            })
        }
        (Claimed::Kv { namespace: other, .. }, Claimed::Kv { namespace, .. })
            if earlier.claimed != later.claimed && namespace == other =>
        {
            Some(format!("namespace `{namespace}` is already granted at {there}, with another access or size"))
        }
        (Claimed::Single { kind: other_kind, name: other }, Claimed::Single { kind, name })
            if kind == other_kind && name == other && earlier.component == later.component =>
        {
            Some(format!("{kind} `{name}` of `{}` is already set at {there}", later.component))
        }
        _ => None,
    }
}
