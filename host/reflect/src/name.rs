//! Tool names: short where that is unambiguous, longer where it is not, the same for the same component every time.

use std::collections::BTreeMap;

use crate::limits::NAME_BYTES;

/// A name for every path, in the order of `paths`. A path is the names of the exported instances from the outside in,
/// and the function's name last. Names have 1 to 64 characters out of `A-Z a-z 0-9 _ -`.
///
/// A function at the top level keeps its name. One inside an interface is tried as `interface-function`, then with
/// package, then with version, then with a hash of its path; all that claim the same name go one step further, so that
/// no name depends on the order of exports. `None`: not even the hash told two functions apart.
pub(crate) fn names(paths: &[Vec<String>]) -> Vec<Option<String>> {
    let mut steps: Vec<usize> = vec![0; paths.len()];
    loop {
        let claimed: Vec<String> = paths.iter().zip(&steps).map(|(path, step)| name(path, *step)).collect();
        let mut claims: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, name) in claimed.iter().enumerate() {
            claims.entry(name).or_default().push(index);
        }
        let mut moved = false;
        for index in claims.values().filter(|indices| indices.len() > 1).flatten() {
            let longest = paths.get(*index).map_or(0, |path| if path.len() > 1 { LAST } else { 0 });
            if let Some(step) = steps.get_mut(*index).filter(|step| **step < longest) {
                *step = step.saturating_add(1);
                moved = true;
            }
        }
        if !moved {
            let unique = |name: &String| claims.get(name.as_str()).is_some_and(|indices| indices.len() == 1);
            return claimed.iter().map(|name| unique(name).then(|| name.clone())).collect();
        }
    }
}

/// The step that adds a hash.
const LAST: usize = 3;

/// The name of a path at a step.
fn name(path: &[String], step: usize) -> String {
    let Some((function, instances)) = path.split_last() else { return String::new() };
    let mut parts: Vec<&str> = match step {
        0 => instances.last().map(|instance| short(instance)).into_iter().collect(),
        1 => instances.iter().map(|instance| unversioned(instance)).collect(),
        _ => instances.iter().map(String::as_str).collect(),
    };
    parts.push(function);
    let name = clean(&parts.join("-"));
    if step < LAST && name.len() <= NAME_BYTES {
        return name;
    }
    let kept: String = name.chars().take(NAME_BYTES.saturating_sub(9)).collect();
    format!("{}-{:08x}", kept.trim_end_matches('-'), hash(path))
}

/// `geometry` of `demo:shapes/geometry@0.1.0`.
pub(crate) fn short(instance: &str) -> &str {
    let name = unversioned(instance);
    name.rsplit_once('/').map_or(name, |(_, interface)| interface)
}

fn unversioned(instance: &str) -> &str {
    instance.split_once('@').map_or(instance, |(name, _)| name)
}

/// Characters that are not allowed become one `-`; so `[static]counter.zero` is `static-counter-zero`.
fn clean(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name
}

/// FNV-1a, folded to 32 bits: no defence, only a short text that differs for different paths and never changes.
fn hash(path: &[String]) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in path.iter().flat_map(|part| part.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    #[allow(clippy::cast_possible_truncation, reason = "folding to 32 bits is the purpose")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}
