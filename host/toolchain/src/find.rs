//! Looking for a toolchain, without changing anything.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{self, Stdout};
use crate::install::debian_command;
use crate::{FindError, Surroundings, TARGET};

/// The oldest compiler that builds the guests: `rust-version` of their workspace.
const OLDEST: (u32, u32) = (1, 95);

/// Where a toolchain's standard library for the target comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It came compiled, with the toolchain.
    Target,
    /// It is built from Debian's sources; `native` holds its C library.
    BuildStd {
        /// The folder with `libc.a` and `crt1-*.o`.
        native: PathBuf,
    },
}

/// A toolchain that builds components.
#[derive(Debug, Clone)]
pub struct Toolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) origin: Origin,
    /// The search path of the build, with the linker in front.
    pub(crate) path: OsString,
    /// cargo's folder, where the sources of libraries lie.
    pub(crate) cargo_home: PathBuf,
}

impl Toolchain {
    /// Looks for a toolchain, changing nothing. About 50 ms.
    ///
    /// # Errors
    /// [`FindError`] names what is missing and the command that mends it.
    pub fn find() -> Result<Self, FindError> {
        Self::find_in(&Surroundings::of_process())
    }

    /// [`Toolchain::find`] in given surroundings.
    ///
    /// # Errors
    /// As [`Toolchain::find`].
    pub fn find_in(around: &Surroundings) -> Result<Self, FindError> {
        let sysroot = sysroot(around)?;
        if let Some(sysroot) = &sysroot
            && let Some(found) = with_target(around, sysroot)
        {
            return Ok(found);
        }
        match debian(around)? {
            Some(found) => Ok(found),
            None => match sysroot {
                Some(sysroot) => Err(FindError::NoTarget { sysroot, debian: debian_command() }),
                None => Err(FindError::NoRust),
            },
        }
    }

    /// The cargo that builds.
    #[must_use]
    pub fn cargo(&self) -> &Path {
        &self.cargo
    }

    /// Where the standard library comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The sysroot of the Rust in use, `None` without Rust.
pub(crate) fn sysroot(around: &Surroundings) -> Result<Option<PathBuf>, FindError> {
    let Some(rustc) = around.program("rustc") else { return Ok(None) };
    let answer = ask(around, &rustc, &["--print", "sysroot"])?;
    match answer {
        Ok(sysroot) => Ok(Some(PathBuf::from(sysroot.trim()))),
        Err(answer) => Err(FindError::BadRustc { program: rustc, answer }),
    }
}

/// The toolchain of this sysroot, if it has the target and its own cargo.
fn with_target(around: &Surroundings, sysroot: &Path) -> Option<Toolchain> {
    let library = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    if !has_standard_library(&library) {
        return None;
    }
    // Not the proxies of rustup: the toolchain that was looked at is the one that builds.
    let own = |name: &str| {
        let inside = sysroot.join("bin").join(name);
        if inside.is_file() { Some(inside) } else { around.program(name) }
    };
    let path = match component_linker(around) {
        Some(folder) => around.path_with(&folder),
        // A toolchain of rustup's hands its linker to rustc by itself.
        None => around.path.clone(),
    };
    let cargo_home = around.cargo_home.clone();
    Some(Toolchain { cargo: own("cargo")?, rustc: own("rustc")?, origin: Origin::Target, path, cargo_home })
}

fn has_standard_library(folder: &Path) -> bool {
    std::fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

/// Debian's toolchain; `None` when the packages are not there or too old.
fn debian(around: &Surroundings) -> Result<Option<Toolchain>, FindError> {
    let root = &around.system_root;
    let (rustc, cargo) = (root.join("usr/bin/rustc"), root.join("usr/bin/cargo"));
    let source = root.join("usr/lib/rustlib/src/rust/library/std/Cargo.toml");
    let native = root.join("usr/lib/wasm32-wasi");
    if ![&rustc, &cargo, &source, &native.join("libc.a")].into_iter().all(|file| file.is_file()) {
        return Ok(None);
    }
    let Ok(version) = ask(around, &rustc, &["--version"])? else { return Ok(None) };
    if version_of(&version).is_none_or(|version| version < OLDEST) {
        return Ok(None);
    }
    let linker = component_linker(around).ok_or(FindError::NoComponentLinker)?;
    let path = around.path_with(&linker);
    let cargo_home = around.cargo_home.clone();
    Ok(Some(Toolchain { cargo, rustc, origin: Origin::BuildStd { native }, path, cargo_home }))
}

/// The folder that holds `wasm-component-ld`: in any toolchain of rustup's, or on the path.
fn component_linker(around: &Surroundings) -> Option<PathBuf> {
    let inside = around.rustup_toolchains().into_iter().find_map(|toolchain| {
        let hosts = std::fs::read_dir(toolchain.join("lib/rustlib")).ok()?;
        hosts.flatten().map(|host| host.path().join("bin")).find(|bin| bin.join("wasm-component-ld").is_file())
    });
    inside.or_else(|| Some(around.program("wasm-component-ld")?.parent()?.to_path_buf()))
}

/// Major and minor of `rustc 1.96.0 (...)`.
pub(crate) fn version_of(answer: &str) -> Option<(u32, u32)> {
    let mut numbers = answer.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A program's standard output, or what it complained about.
fn ask(around: &Surroundings, program: &Path, arguments: &[&str]) -> Result<Result<String, String>, FindError> {
    let mut command = Command::new(program);
    command::scrub(&mut command).args(arguments).env("PATH", &around.path);
    let finished = command::run(&mut command, None, Stdout::Collect, &|_| ())
        .map_err(|source| FindError::Run { program: program.to_path_buf(), source })?;
    Ok(if finished.success { Ok(finished.stdout) } else { Err(finished.stderr) })
}
