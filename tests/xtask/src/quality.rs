//! `cargo x lint`: formatting, clippy, documentation.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::layout::Layout;
use crate::step::{Count, Steps, must, succeeds};

/// `cargo x lint [--fix]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    match rest {
        [] => {}
        [flag] if flag == "--fix" => return fix(layout),
        _ => bail!("`cargo x lint` knows only `--fix`"),
    }
    let mut steps = Steps::new();
    formatting(layout, &mut steps);
    lints(layout, &mut steps);
    Ok(if steps.close() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The quick step, for `lint` and for `test`.
pub(crate) fn formatting(layout: &Layout, steps: &mut Steps) {
    steps.run("formatting", || {
        needs(layout, "fmt", "rustfmt")?;
        let mut good = true;
        for workspace in workspaces(layout) {
            good &= succeeds(cargo(layout, &workspace).args(["fmt", "--all", "--check"]))?;
        }
        Ok(Count::of(good))
    });
}

/// The steps that compile, for `lint` and for `test`.
pub(crate) fn lints(layout: &Layout, steps: &mut Steps) {
    steps.run("clippy", || {
        needs(layout, "clippy", "clippy")?;
        let mut lint = cargo(layout, &layout.root);
        lint.args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
        Ok(Count::of(succeeds(&mut lint)?))
    });
    steps.run("documentation", || {
        let mut doc = cargo(layout, &layout.root);
        doc.args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings");
        Ok(Count::of(succeeds(&mut doc)?))
    });
}

fn fix(layout: &Layout) -> Result<ExitCode> {
    needs(layout, "fmt", "rustfmt")?;
    for workspace in workspaces(layout) {
        must(cargo(layout, &workspace).args(["fmt", "--all"]))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folders of the checkout's workspaces.
pub(crate) fn workspaces(layout: &Layout) -> Vec<std::path::PathBuf> {
    let folders = ["", "components", "tests/fixtures"].map(|folder| layout.root.join(folder));
    folders.into_iter().filter(|folder| folder.join("Cargo.toml").is_file()).collect()
}

fn cargo(layout: &Layout, folder: &Path) -> Command {
    let mut command = layout.cargo();
    command.current_dir(folder);
    command
}

/// A component of the Rust toolchain that a minimal installation lacks.
fn needs(layout: &Layout, subcommand: &str, component: &str) -> Result<()> {
    if has(layout, subcommand) {
        return Ok(());
    }
    bail!("`cargo {subcommand}` is not installed; run `rustup component add {component}`")
}

/// Whether this cargo has a subcommand.
pub(crate) fn has(layout: &Layout, subcommand: &str) -> bool {
    layout.cargo().args([subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}
