//! Where `cargo x` puts what the tests use.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Cargo's target directory: where this test program lies.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe().context("the test program's path is not known")?;
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    Ok(target.context("the test program is not in a target directory")?.to_path_buf())
}

/// The programs of `tests/clients`.
pub(crate) fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients")
}

/// The binary `tidegate`, built in the profile of the tests.
///
/// # Errors
/// It is not built.
pub fn host() -> Result<PathBuf> {
    existing(target()?.join("debug").join("tidegate"), "cargo build --package tidegate-cli")
}

/// The binary of the edge profile, built in the profile of the tests.
pub(crate) fn edge() -> Result<PathBuf> {
    existing(target()?.join("debug").join("tidegate-edge"), "cargo build --package tidegate-edge")
}

/// The folder with the shipped components, unsigned.
///
/// # Errors
/// They are not built.
pub fn components() -> Result<PathBuf> {
    existing(target()?.join("components"), "cargo x guests")
}

/// The folder with the guests that only tests load.
///
/// # Errors
/// They are not built.
pub fn fixtures() -> Result<PathBuf> {
    existing(target()?.join("fixtures"), "cargo x guests")
}

/// Something that `cargo x clients` installs.
pub(crate) fn client(path: &str) -> Result<PathBuf> {
    existing(target()?.join("clients").join(path), "cargo x clients")
}

/// The interpreter that runs the Python programs.
pub(crate) fn python() -> Result<PathBuf> {
    existing(target()?.join("clients/python/bin/python"), "cargo x clients")
}

/// The folder `node_modules` of the Node programs; `.bin/node` in it is Node 22.
pub(crate) fn node_modules() -> Result<PathBuf> {
    existing(target()?.join("clients/node/node_modules"), "cargo x clients")
}

fn existing(path: PathBuf, command: &str) -> Result<PathBuf> {
    ensure!(path.exists(), "`{}` is missing; run `{command}`", path.display());
    Ok(path)
}
