//! `cargo x bench`: figures of a release build.

use std::process::ExitCode;

use anyhow::Result;

use crate::layout::Layout;
use crate::step::{must, succeeds};
use crate::{edge, guests};

/// `cargo x bench [ARGUMENTS]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    guests::build(layout)?;
    must(layout.cargo().args([
        "build",
        "--release",
        "--locked",
        "--package",
        "tidegate-cli",
        "--package",
        "tidegate-bench",
    ]))?;
    edge::build_plain(layout)?;
    let mut bench = layout.cargo();
    bench.args(["run", "--release", "--locked", "--package", "tidegate-bench", "--"]).args(rest);
    Ok(if succeeds(&mut bench)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
