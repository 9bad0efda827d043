//! What goes with the files of a release: what they are made of, how they were made, and their checksums.
//!
//! | file | what |
//! |---|---|
//! | `sbom.cdx.json` | what the binary is made of: CycloneDX |
//! | `sbom.sigstore.json` | the same, signed: an in-toto statement about the binaries |
//! | `FILE.provenance.sigstore.json` | how and from what each file was made: SLSA provenance v1 in an in-toto statement, signed. One for each, because a statement that our strict reader takes is about eight things at most |
//! | `SHA256SUMS` | checksums of all of these |
//!
//! The same files, sources and key give the same bytes: an Ed25519 signature has nothing random in it, and no time is written.
//! Nobody vouches for the build but the one who made it (SLSA build level 1).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tidegate_attestation::{
    Algorithm, Material, PrivateKey, Provenance, PublicKey, Role, SbomFormat, TrustRoot, TrustedSigner,
    provenance_statement, sbom_statement, sign_statement, verify_claim,
};
use tidegate_bundle::{MAX_SUBJECTS, Subject};
use tidegate_reference::{Digest, Reference};
use tidegate_sbom::cyclonedx;

/// How the parameters of a release's provenance are to be read: docs/deploy.md.
const BUILD_TYPE: &str = "https://tidegate.dev/build/release/v1";
/// Who builds.
const BUILDER: &str = concat!("https://tidegate.dev/release/", env!("CARGO_PKG_VERSION"));
const SBOM: &str = "sbom.cdx.json";
const SIGNED_SBOM: &str = "sbom.sigstore.json";
const PROVENANCE: &str = ".provenance.sigstore.json";
const SUMS: &str = "SHA256SUMS";

/// How a release was made.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Made {
    /// The package whose parts are listed, `NAME@VERSION`. Files named `NAME-VERSION-...` are its binaries.
    pub package: String,
    /// Packages that its build took, as name and version.
    pub built: BTreeSet<(String, String)>,
    /// What was asked for: targets, compiler, profile.
    pub parameters: BTreeMap<String, String>,
    /// The commit of the sources; none: they are no commit, and no commit is named.
    pub commit: Option<String>,
    /// Lock files that pin what went in, below the checkout.
    pub locks: Vec<PathBuf>,
}

/// Writes the documents of the files in a folder. What was there of them is replaced.
///
/// # Errors
/// Something cannot be read or written, or the key's signatures differ each time.
pub fn document(folder: &Path, checkout: &Path, made: &Made, key: &PrivateKey) -> Result<()> {
    ensure!(
        key.public_key().algorithm() == Algorithm::Ed25519,
        "signatures of this key differ each time, and so would two releases of the same sources: make one with `tidegate key new`"
    );
    for file in subjects(folder)?.iter().filter(|file| is_document(&file.name) || file.name == SBOM) {
        fs::remove_file(folder.join(&file.name)).with_context(|| format!("cannot remove `{}`", file.name))?;
    }
    let reference: Reference = made.package.parse().with_context(|| format!("`{}` is no package", made.package))?;
    let sbom = cyclonedx(&text(&checkout.join("Cargo.lock"))?, &reference, Some(&made.built))?;
    write(folder, SBOM, format!("{sbom:#}\n").as_bytes())?;
    let files = subjects(folder)?;
    let prefix = format!("{}-{}-", reference.name, reference.version);
    let binaries: Vec<Subject> = files.iter().filter(|file| file.name.starts_with(&prefix)).cloned().collect();
    ensure!((1..=MAX_SUBJECTS).contains(&binaries.len()), "there are {} files named `{prefix}...`", binaries.len());
    let statement = sbom_statement(&binaries, SbomFormat::CycloneDx, sbom.to_string().as_bytes())?;
    write(folder, SIGNED_SBOM, &sign_statement(statement, key)?)?;
    let provenance = provenance(checkout, made)?;
    for file in files {
        let name = format!("{}{PROVENANCE}", file.name);
        write(folder, &name, &sign_statement(provenance_statement(&[file], &provenance), key)?)?;
    }
    let sums: String =
        subjects(folder)?.iter().map(|file| format!("{}  {}\n", file.digest.to_hex(), file.name)).collect();
    write(folder, SUMS, sums.as_bytes())
}

/// Whether every file of a release is what this key says of it, and none was added.
///
/// # Errors
/// The first file that is not.
pub fn verify(folder: &Path, key: &PublicKey) -> Result<usize> {
    let signer = TrustedSigner {
        name: "release".to_owned(),
        keys: vec![key.clone()],
        identities: Vec::new(),
        roles: vec![Role::Component],
    };
    let trust = TrustRoot::new(vec![signer])?;
    let files = subjects(folder)?;
    let mut verified = 0;
    for file in files.iter().filter(|file| !is_document(&file.name)) {
        let name = format!("{}{PROVENANCE}", file.name);
        let bytes = fs::read(folder.join(&name)).with_context(|| format!("`{name}` is missing"))?;
        verify_claim(&file.name, file.digest, &bytes, &trust).with_context(|| format!("`{name}`"))?;
        verified += 1;
    }
    let sums = text(&folder.join(SUMS))?;
    let listed: BTreeSet<&str> = sums.lines().collect();
    let found: BTreeSet<String> = files
        .iter()
        .filter(|file| file.name != SUMS)
        .map(|file| format!("{}  {}", file.digest.to_hex(), file.name))
        .collect();
    if listed != found.iter().map(String::as_str).collect() {
        bail!("`{SUMS}` does not list exactly what is there");
    }
    Ok(verified)
}

/// Whether a file says something of others, and has no provenance of its own.
fn is_document(name: &str) -> bool {
    name == SUMS || name == SIGNED_SBOM || name.ends_with(PROVENANCE)
}

fn provenance(checkout: &Path, made: &Made) -> Result<Provenance> {
    let mut materials = Vec::new();
    if let Some(commit) = &made.commit {
        // Where it came from is nobody's business: what it is, anybody who has it can check.
        materials.push(Material { uri: "git:sources".to_owned(), sha256: None, commit: Some(commit.clone()) });
    }
    for lock in &made.locks {
        let bytes = fs::read(checkout.join(lock)).with_context(|| format!("cannot read `{}`", lock.display()))?;
        let uri = format!("file:{}", lock.display());
        materials.push(Material { uri, sha256: Some(Digest::of(&bytes)), commit: None });
    }
    Ok(Provenance {
        builder: BUILDER.to_owned(),
        build_type: BUILD_TYPE.to_owned(),
        parameters: made.parameters.clone(),
        materials,
        ..Provenance::default()
    })
}

/// Every file of a folder by its name, in the order of the names. Folders are no part of a release.
fn subjects(folder: &Path) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ensure!(path.is_file(), "`{name}` is no file: a release has files only");
        let bytes = fs::read(&path).with_context(|| format!("cannot read `{name}`"))?;
        subjects.push(Subject { name, digest: Digest::of(&bytes) });
    }
    subjects.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(subjects)
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    fs::write(folder.join(name), bytes).with_context(|| format!("cannot write `{name}`"))
}

#[cfg(test)]
mod tests;
