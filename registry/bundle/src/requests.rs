//! `[requests]`: what a component asks for, each with a reason for people.

use tidegate_grant::Requests;

use crate::manifest::{
    ManifestError, ManifestProblem, at, check_count, check_name, check_once, check_path, check_text,
};

/// Most entries of one list of requests: a person reads them all.
const MAX_REQUESTS: usize = 64;
/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// Checks what the types do not say: few entries, each once, each with a reason, plain paths and names.
pub(crate) fn check(requests: &Requests) -> Result<(), ManifestError> {
    let list = |key, entries: &[(&String, &String)]| at(key, check_list(entries));
    let directories: Vec<_> = requests.directories.iter().map(|entry| (&entry.guest, &entry.reason)).collect();
    list("requests.directories", &directories)?;
    at("requests.directories", directories.iter().try_for_each(|(guest, _)| check_path(guest)))?;

    let destinations: Vec<_> = requests.network.iter().map(|entry| entry.connect.to_string()).collect();
    let network: Vec<_> = destinations.iter().zip(requests.network.iter().map(|entry| &entry.reason)).collect();
    list("requests.network", &network)?;

    let environment = requests.environment.iter().map(|entry| (&entry.name, &entry.reason));
    let kv = requests.kv.iter().map(|entry| (&entry.namespace, &entry.reason));
    let secrets = requests.secrets.iter().map(|entry| (&entry.name, &entry.reason));
    let named = [
        ("requests.environment", environment.collect::<Vec<_>>()),
        ("requests.kv", kv.collect()),
        ("requests.secrets", secrets.collect()),
    ];
    for (key, entries) in named {
        list(key, &entries)?;
        at(key, entries.iter().try_for_each(|(name, _)| check_name(name)))?;
    }
    for (key, reason) in [
        ("requests.system", &requests.system),
        ("requests.gateway", &requests.gateway),
        ("requests.models", &requests.models),
    ] {
        at(key, reason.iter().try_for_each(|reason| check_reason(reason)))?;
    }
    Ok(())
}

/// What is true of every list: few entries, each once, each with a reason.
fn check_list(entries: &[(&String, &String)]) -> Result<(), ManifestProblem> {
    check_count(entries.len(), 0, MAX_REQUESTS)?;
    check_once(entries.iter().map(|(what, _)| what))?;
    entries.iter().try_for_each(|(_, reason)| check_reason(reason))
}

fn check_reason(reason: &str) -> Result<(), ManifestProblem> {
    if reason.trim().is_empty() {
        return Err(ManifestProblem::NoReason);
    }
    check_text(reason, MAX_REASON)
}
