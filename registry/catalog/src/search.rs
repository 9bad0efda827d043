//! Searching an index.

use tidegate_reference::RepositoryName;

use crate::index::{Index, Release};

/// A component that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The repository.
    pub name: &'a RepositoryName,
    /// Its newest version that was not withdrawn; a pre-release only where there is nothing else.
    pub latest: &'a Release,
}

/// Components whose name or description contains every word of `query`, in any case. Those whose last part begins with
/// the first word come first, then those with a word in their name, then the others; each by name.
///
/// Components of which every version was withdrawn are not found.
#[must_use]
pub fn search<'a>(index: &'a Index, query: &str) -> Vec<Hit<'a>> {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let mut ranked = Vec::new();
    for entry in &index.components {
        let Some(latest) = latest(&entry.releases) else { continue };
        let name = entry.name.as_str();
        let description = latest.description.as_deref().unwrap_or_default().to_lowercase();
        if !words.iter().all(|word| name.contains(word.as_str()) || description.contains(word.as_str())) {
            continue;
        }
        let rank = match words.first() {
            Some(first) if entry.name.last().starts_with(first.as_str()) => 0,
            _ if words.iter().any(|word| name.contains(word.as_str())) => 1,
            _ => 2,
        };
        ranked.push((rank, Hit { name: &entry.name, latest }));
    }
    ranked.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.name.cmp(other.name)));
    ranked.into_iter().map(|(_, hit)| hit).collect()
}

fn latest(releases: &[Release]) -> Option<&Release> {
    let there = || releases.iter().filter(|release| release.yanked.is_none());
    let stable = there().filter(|release| release.version.as_semver().pre.is_empty());
    stable.max_by_key(|release| &release.version).or_else(|| there().max_by_key(|release| &release.version))
}
