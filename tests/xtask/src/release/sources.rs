//! What a release is made of: a commit, and nothing beside it.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;

/// The sources.
pub(super) struct Sources {
    /// Their commit; none: they are no commit.
    pub(super) commit: Option<String>,
    /// When the commit was made, in seconds since 1970: the time of everything that is made of it.
    pub(super) epoch: u64,
}

impl Sources {
    /// Those of the checkout. `trial`: also if they are no commit.
    pub(super) fn read(layout: &Layout, trial: bool) -> Result<Self> {
        let git = |arguments: &[&str]| -> Result<String> {
            let output = Command::new("git").arg("-C").arg(&layout.root).args(arguments).output();
            let output = output.context("a release is made of a commit: `git` is needed")?;
            anyhow::ensure!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr).trim());
            Ok(String::from_utf8(output.stdout)?.trim().to_owned())
        };
        let clean = git(&["status", "--porcelain"])?.is_empty();
        if !clean && !trial {
            bail!(
                "a release is made of a commit, and this checkout has changes that are in none: commit them, or try it with \
                 `--trial`"
            );
        }
        let epoch = git(&["log", "-1", "--format=%ct"])?.parse().context("the commit has no time")?;
        Ok(Self { commit: clean.then(|| git(&["rev-parse", "HEAD"])).transpose()?, epoch })
    }
}
