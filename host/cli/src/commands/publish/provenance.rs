//! How a component was built: SLSA provenance v1. Source: slsa.dev, `spec/v1.0/provenance`.
//!
//! It is what this machine says of itself, signed by the same key: no build service vouches for it (SLSA build level 1).

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use tidegate::attestation::{BUILD_TYPE, Material, Provenance};
use tidegate::reference::Reference;
use tidegate_reference::Digest;

use crate::failure::Result;

/// The provenance of a component that was built from `sources`.
pub(super) fn of(sources: &Path, reference: &Reference, lock: Option<&Path>) -> Result<Provenance> {
    let mut materials = Vec::new();
    if let Some(commit) = commit(sources) {
        // Where it came from is nobody's business: what it is, anybody who has it can check.
        materials.push(Material { uri: "git:sources".to_owned(), sha256: None, commit: Some(commit) });
    }
    if let Some(lock) = lock {
        let bytes = std::fs::read(lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
        let sha256 = Some(Digest::of(&bytes));
        materials.push(Material { uri: "file:Cargo.lock".to_owned(), sha256, commit: None });
    }
    let parameters =
        [("component", reference.to_string().as_str()), ("profile", "release"), ("target", "wasm32-wasip2")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
    Ok(Provenance {
        builder: concat!("https://tidegate.dev/cli/", env!("CARGO_PKG_VERSION")).to_owned(),
        build_type: BUILD_TYPE.to_owned(),
        parameters: parameters.into(),
        materials,
        ..Provenance::default()
    })
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
