//! How a component was built: SLSA provenance v1. Source: slsa.dev, `spec/v1.0/provenance`.
//!
//! It is what this machine says of itself, signed by the same key: no build service vouches for it (SLSA build level 1).

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value, json};
use tidegate::reference::Reference;
use tidegate_reference::Digest;

use crate::failure::Result;

/// The predicate type.
pub(super) const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// How our builds are described: `docs/registry.md`, "What is attached".
const BUILD_TYPE: &str = "https://tidegate.dev/build/component/v1";

/// The provenance of a component that was built from `sources`.
pub(super) fn of(sources: &Path, reference: &Reference, lock: Option<&Path>) -> Result<Value> {
    let mut materials = Vec::new();
    if let Some(commit) = commit(sources) {
        materials.push(json!({ "name": "sources", "digest": { "gitCommit": commit } }));
    }
    if let Some(lock) = lock {
        let bytes = std::fs::read(lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
        materials.push(json!({ "name": "Cargo.lock", "digest": { "sha256": Digest::of(&bytes).to_hex() } }));
    }
    Ok(json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": { "component": reference.to_string(), "profile": "release", "target": "wasm32-wasip2" },
            "resolvedDependencies": materials,
        },
        "runDetails": {
            "builder": { "id": "https://tidegate.dev/cli", "version": { "tidegate": env!("CARGO_PKG_VERSION") } },
        },
    }))
}

/// The commit of the sources, if they are exactly that commit.
fn commit(sources: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(sources).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let clean = git(&["status", "--porcelain", "--", "."])?.is_empty();
    git(&["rev-parse", "HEAD"]).filter(|_| clean)
}
