//! Where things are in this checkout. Everything made goes below the target directory.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::no_arguments;

/// The folders of the checkout.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Cargo's target directory of the host's workspace.
    pub(crate) target: PathBuf,
}

impl Layout {
    /// From where this program lies: `TARGET/PROFILE/tidegate-xtask`. So `CARGO_TARGET_DIR` and every setting of
    /// cargo's count, and nothing is guessed.
    pub(crate) fn find() -> Result<Self> {
        let program = std::env::current_exe().context("this program's path is not known")?;
        let target = program
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").is_file())
            .context("this program is not in a target directory of cargo's; start it as `cargo x`")?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root =
            root.canonicalize().context("the checkout was moved since `cargo x` was built; run `cargo clean`")?;
        Ok(Self { root, target: target.to_path_buf() })
    }

    /// The shipped components, ready to be signed.
    pub(crate) fn components(&self) -> PathBuf {
        self.target.join("components")
    }

    /// The guests that only tests load.
    pub(crate) fn fixtures(&self) -> PathBuf {
        self.target.join("fixtures")
    }

    /// The state of the host that `cargo x run` starts: key, policy, data.
    pub(crate) fn state(&self) -> PathBuf {
        self.target.join("tidegate")
    }

    /// The environments of the official clients.
    pub(crate) fn clients(&self) -> PathBuf {
        self.target.join("clients")
    }

    /// The host's binary of a profile's folder (`debug`, `release`).
    pub(crate) fn host(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join(format!("tidegate{}", std::env::consts::EXE_SUFFIX))
    }

    /// A cargo command in the checkout, with the cargo that started us.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        // What cargo told us of ourselves is no business of the build that we start: build scripts that watch these
        // variables would run again whenever somebody builds without `cargo x`.
        for (name, _) in std::env::vars_os() {
            let of_us = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix));
            if name.to_str().is_some_and(of_us) {
                command.env_remove(&name);
            }
        }
        command
    }
}

/// `cargo x clean`.
pub(crate) fn clean(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    no_arguments("clean", rest)?;
    for folder in [
        layout.components(),
        layout.fixtures(),
        layout.clients(),
        layout.target.join("guests"),
        layout.target.join("e2e-compiled"),
    ] {
        if folder.exists() {
            println!("removing {}", folder.display());
            std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
        }
    }
    println!("kept: the host's build (`cargo clean` removes it) and {}", layout.state().display());
    Ok(ExitCode::SUCCESS)
}
