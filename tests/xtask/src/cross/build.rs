//! Building for another processor: the compiler with a standard library made for it, and Zig, which brings C compiler, linker
//! and musl.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Target;
use crate::clients;
use crate::edge::{FLAGS, LIBRARY, WithSources, with_sources};
use crate::layout::Layout;
use crate::programs::{install, path_with};
use crate::step::must;

/// Beside those of the small build: musl and what starts a program come from Zig, and all of it goes into the binary, which lies
/// at another address each time (what the compiler itself says for that, Zig does not hear).
const STATIC: &str = "-Clink-self-contained=no -Ctarget-feature=+crt-static -Clink-arg=-pie";

/// Debian's packages with a compiler and the sources of its standard library.
const DEBIAN: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// How much time a build may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// As it is shipped: one unit.
    Ship,
    /// For trials: larger, and built in less time.
    Quick,
}

/// What builds for other processors.
pub(crate) struct Cross {
    toolchain: WithSources,
    /// The environment with Zig.
    zig: PathBuf,
}

impl Cross {
    /// Finds the compiler, and installs Zig as the lock file pins it.
    pub(crate) fn install(layout: &Layout) -> Result<Self> {
        let toolchain = match with_sources() {
            Ok(found) => found,
            Err(missing) => {
                install(&DEBIAN).context(missing)?;
                with_sources()?
            }
        };
        let zig = layout.clients().join("zig");
        clients::once(&zig, &layout.root.join("tests/cross/requirements.txt"), clients::python)?;
        Ok(Self { toolchain, zig })
    }

    /// The compiler.
    pub(crate) fn rustc(&self) -> &Path {
        &self.toolchain.rustc
    }

    /// Builds `tidegate-edge` for a target and gives its path.
    pub(crate) fn build(&self, layout: &Layout, target: &Target, effort: Effort) -> Result<PathBuf> {
        let (folder, profile) = (layout.target.join("cross"), "edge");
        let mut build = Command::new(self.zig.join("bin/cargo-zigbuild"));
        build.current_dir(&layout.root).args([
            "zigbuild",
            "--locked",
            "--profile",
            profile,
            "--package",
            "tidegate-edge",
        ]);
        build.args(LIBRARY).args(["--target", target.triple, "--target-dir"]).arg(&folder);
        if effort == Effort::Quick {
            let quicker = ["lto=false", "codegen-units=16", "opt-level=1"];
            build.args(quicker.iter().flat_map(|setting| ["--config".to_owned(), format!("profile.edge.{setting}")]));
        }
        build
            .env("PATH", path_with(&self.zig.join("bin"))?)
            .env("CARGO", &self.toolchain.cargo)
            .env("RUSTC", &self.toolchain.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags(layout)?.join("\u{1f}"))
            .env_remove("RUSTFLAGS")
            .env_remove("RUSTUP_TOOLCHAIN");
        must(&mut build).with_context(|| format!("nothing was built for {}", target.name))?;
        Ok(folder.join(target.triple).join(profile).join("tidegate-edge"))
    }
}

/// Flags of the compiler. Folders of this machine get names that are the same on every machine, so that the bytes are too.
fn flags(layout: &Layout) -> Result<Vec<String>> {
    let home = std::env::home_dir().context("this user has no home folder")?;
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let renamed = [(layout.target.join("cross"), "target"), (layout.root.clone(), "tidegate"), (cargo, "cargo")];
    let mut flags: Vec<String> = STATIC.split(' ').chain(FLAGS.split(' ')).map(str::to_owned).collect();
    // The last one that fits counts.
    flags
        .extend(renamed.iter().rev().map(|(folder, name)| format!("--remap-path-prefix={}=/{name}", folder.display())));
    Ok(flags)
}
