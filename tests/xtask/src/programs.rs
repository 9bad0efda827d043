//! Programs of the system: found, or installed from Debian.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::must;

/// Installs the packages of the programs that are missing; each is a program and Debian's package that has it.
///
/// # Errors
/// They cannot be installed here; the message is the command for whoever may.
pub(crate) fn packages(programs: &[(&str, &str)]) -> Result<()> {
    let missing = programs.iter().filter(|(program, _)| program_path(program).is_none());
    let mut missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// Installs Debian's packages.
///
/// # Errors
/// As [`packages`].
pub(crate) fn install(missing: &[&str]) -> Result<()> {
    let advice = format!("missing: {0}; install it: `apt-get install {0}` (Debian)", missing.join(" "));
    if program_path("apt-get").is_none() {
        bail!(advice);
    }
    println!("installing {}", missing.join(", "));
    let mut install = Command::new("apt-get");
    must(install.args(["install", "--yes", "--no-install-recommends"]).args(missing)).context(advice)
}

/// Where a program lies on the search path.
pub(crate) fn program_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| Path::new(program).is_file())
}

/// The search path with a folder in front.
pub(crate) fn path_with(folder: &Path) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).context("the search path has a folder that cannot be in it")
}
