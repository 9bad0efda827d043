//! The house's rules as tests. The rules are in `tests/`, each a list of what breaks it; this library reads the checkout.
//!
//! A rule is a function from text to complaints, so that each is also tried on a text that breaks it.

pub mod links;
pub mod source;
pub mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The folder of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A text file of the checkout.
#[derive(Debug, Clone)]
pub struct File {
    /// Its path from the root, with `/`.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Every text file that belongs to the checkout: tracked, or new and not ignored. Files that are deleted but still
/// tracked, and files that are not UTF-8, are left out.
///
/// # Errors
/// git does not run here.
pub fn files() -> Result<Vec<File>> {
    let listing = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .context("git is needed to list the files of the checkout")?;
    ensure!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr));
    let paths = String::from_utf8(listing.stdout).context("paths are UTF-8")?;
    let mut files = Vec::new();
    for path in paths.split_terminator('\0') {
        if let Ok(text) = std::fs::read_to_string(root().join(path)) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    ensure!(files.len() > 50, "only {} files: this is not the whole checkout", files.len());
    Ok(files)
}

/// Fails with one line for each complaint.
///
/// # Panics
/// There is a complaint: that is the failure of the test.
#[track_caller]
pub fn none(rule: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{rule}:\n  {}", complaints.join("\n  "));
}
