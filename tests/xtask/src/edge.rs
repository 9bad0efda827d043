//! `cargo x edge`: the binary of the edge profile, and whether it is as small as promised.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::step::must;

/// Most bytes of the build with a standard library made for it, on x86-64: what it has now, and a little. The goal is
/// 2.5 MB; `docs/edge.md` says where the rest is. Who makes it smaller lowers this.
const SMALL_LIMIT: u64 = 5_150_000;
/// The sources of the standard library below a sysroot.
const SOURCES: &str = "lib/rustlib/src/rust/library/std";
/// Flags of the small build. Without unwinding tables and without the texts of panics: a panic ends the process in either
/// build, here without saying where. `docs/decisions/0031-edge-profile.md` weighs it.
pub(crate) const FLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort -Cforce-unwind-tables=no";

/// How cargo makes the standard library. Features of it in use: none, so no backtraces; algorithms chosen for size.
pub(crate) const LIBRARY: [&str; 2] = ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"];

/// Addresses in the binary as a bitmap, 0.3 MB less; for loaders of glibc 2.36 or later.
const PACKED: &str = "-Clink-arg=-Wl,-z,pack-relative-relocs";

/// Sequences of instructions that occur more than once become functions: 0.26 MB less on x86-64, and
/// calls in their place.
const OUTLINED: &str = "-Cllvm-args=-enable-machine-outliner=always";

/// A cargo and its compiler, with the sources of their standard library.
pub(crate) struct WithSources {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
}

/// `cargo x edge [--plain | --small]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    let (plain, small) = match rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => (true, true),
        ["--plain"] => (true, false),
        ["--small"] => (false, true),
        [other, ..] => bail!("`cargo x edge` does not know `{other}`; see `cargo x edge --help`"),
    };
    let mut fits = true;
    if plain {
        fits &= report("standard library as it comes", &build_plain(layout)?, None)?;
    }
    if small {
        fits &= report("standard library made for it", &build_small(layout)?, Some(SMALL_LIMIT))?;
    }
    Ok(if fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The build that any toolchain makes.
pub(crate) fn build_plain(layout: &Layout) -> Result<PathBuf> {
    must(layout.cargo().args(["build", "--locked", "--profile", "edge", "--package", "tidegate-edge"]))?;
    Ok(layout.target.join("edge/tidegate-edge"))
}

/// The build that also makes its standard library.
fn build_small(layout: &Layout) -> Result<PathBuf> {
    let toolchain = with_sources()?;
    let target = host(&toolchain.rustc)?;
    let folder = layout.target.join("edge-small");
    must(
        Command::new(&toolchain.cargo)
            .current_dir(&layout.root)
            .args(["rustc", "--locked", "--profile", "edge", "--package", "tidegate-edge"])
            .args(LIBRARY)
            .args(["--target", &target])
            .arg("--target-dir")
            .arg(&folder)
            // For the last step only, so that the others stay as they are when it changes.
            .args(["--", PACKED, OUTLINED])
            .env("RUSTC", &toolchain.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", FLAGS)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTUP_TOOLCHAIN"),
    )?;
    Ok(folder.join(target).join("edge/tidegate-edge"))
}

/// The toolchain in use, else Debian's.
pub(crate) fn with_sources() -> Result<WithSources> {
    let own = WithSources { cargo: "cargo".into(), rustc: "rustc".into() };
    let debian = WithSources { cargo: "/usr/bin/cargo".into(), rustc: "/usr/bin/rustc".into() };
    let found = [own, debian].into_iter().find(|toolchain| {
        let sysroot = output(&toolchain.rustc, &["--print", "sysroot"]);
        sysroot.is_ok_and(|sysroot| Path::new(sysroot.trim()).join(SOURCES).is_dir())
    });
    found.context(
        "this build needs the sources of the standard library: `rustup component add rust-src`, or on Debian \
         `apt-get install rustc-web cargo-web rust-web-src`",
    )
}

/// The target of the machine itself.
fn host(rustc: &Path) -> Result<String> {
    let about = output(rustc, &["-vV"])?;
    let target = about.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(target.context("the compiler does not say what it builds for")?.to_owned())
}

pub(crate) fn output(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    Ok(String::from_utf8(output.stdout)?)
}

/// Says how large it is; true when that is within the limit.
fn report(what: &str, binary: &Path, limit: Option<u64>) -> Result<bool> {
    let bytes = std::fs::metadata(binary).with_context(|| format!("`{}` was not made", binary.display()))?.len();
    let verdict = match limit {
        Some(limit) if bytes > limit => format!(", TOO LARGE: the limit is {limit}"),
        Some(limit) => format!(", within {limit}"),
        None => String::new(),
    };
    println!("{what}: {bytes} bytes{verdict}\n  {}", binary.display());
    Ok(limit.is_none_or(|limit| bytes <= limit))
}
