//! Debian's package, made by cargo-deb: `[package.metadata.deb]` in `host/edge/Cargo.toml` says what is in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{NAME, Release, VERSION};
use crate::cross::Target;
use crate::layout::Layout;
use crate::step::must;

/// The version of cargo-deb that makes packages; built from crates.io.
const CARGO_DEB: &str = "3.8.0";

/// As `host/edge/Cargo.toml` says.
const MAINTAINER: &str = "The Tidegate project <packages@tidegate.dev>";

/// Builds `cargo-deb`, once for each version. It takes minutes.
pub(super) fn cargo_deb(layout: &Layout) -> Result<PathBuf> {
    let root = layout.clients().join(format!("cargo-deb-{CARGO_DEB}"));
    let program = root.join("bin/cargo-deb");
    if !program.is_file() {
        println!("building cargo-deb {CARGO_DEB} into {}", root.display());
        let mut install = layout.cargo();
        install.args(["install", "cargo-deb", "--version", CARGO_DEB, "--locked", "--debug", "--root"]).arg(&root);
        // With its own liblzma: the same compressor everywhere, and none that the system must have.
        install.args(["--no-default-features", "--features", "static-lzma"]);
        must(install.env("CARGO_TARGET_DIR", layout.target.join("cargo-deb"))).context("cargo-deb was not built")?;
    }
    Ok(program)
}

impl Release<'_> {
    /// Makes the package of one target.
    pub(super) fn package(&self, cargo_deb: &Path, target: &Target, root: &Path) -> Result<()> {
        // cargo-deb takes what a target's build folder has: the shared files go there, and what only packages have.
        let built = self.layout.target.join("cross").join(target.triple).join("edge");
        let staged = super::fresh(built.join("package"))?;
        must(Command::new("cp").arg("-a").arg(root.join(".")).arg(&staged))?;
        let manual = self.manual(target, &root.join("usr/bin").join(NAME))?;
        for (name, text) in [(format!("{NAME}.1"), manual), ("changelog".to_owned(), self.changelog()?)] {
            fs::write(staged.join(&name), text)?;
            must(Command::new("gzip").args(["--no-name", "--best"]).arg(staged.join(&name)))?;
        }
        self.settle(&staged)?;
        let file = self.out.join(format!("{NAME}_{VERSION}_{}.deb", target.architecture));
        let mut deb = self.layout.cargo();
        deb.current_dir(self.layout.root.join("host/edge")).arg("deb");
        let mut deb = with_program(deb, cargo_deb)?;
        deb.args(["--package", NAME, "--no-build", "--no-strip", "--locked", "--profile", "edge"]);
        deb.args(["--target", target.triple, "--deb-version", VERSION, "--output"]).arg(&file);
        deb.env("CARGO_TARGET_DIR", self.layout.target.join("cross"));
        deb.env("SOURCE_DATE_EPOCH", self.sources.epoch.to_string());
        must(&mut deb)?;
        ensure!(file.is_file(), "`{}` was not made", file.display());
        Ok(())
    }
}

impl Release<'_> {
    /// What changed, as Debian's tools read it: that it is elsewhere.
    fn changelog(&self) -> Result<String> {
        let date = self.date("+%a, %d %b %Y %H:%M:%S +0000")?;
        Ok(format!(
            "{NAME} ({VERSION}) stable; urgency=medium\n\n  * Release {VERSION}: CHANGELOG.md in the sources.\n\n -- {MAINTAINER}  {date}\n"
        ))
    }
}

/// The same command, with the folder of cargo's subcommand in front of the search path.
fn with_program(mut command: Command, program: &Path) -> Result<Command> {
    let folder = program.parent().context("a program lies in a folder")?;
    command.env("PATH", crate::programs::path_with(folder)?);
    Ok(command)
}
