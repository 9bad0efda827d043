//! `cargo x bench`: figures of a release build.

use std::process::ExitCode;

use anyhow::Result;

use crate::guests;
use crate::layout::Layout;
use crate::step::{must, succeeds};

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
    let mut bench = layout.cargo();
    bench.args(["run", "--release", "--locked", "--package", "tidegate-bench", "--"]).args(rest);
    Ok(if succeeds(&mut bench)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
