//! `cargo x cross`: the binary of the edge profile for five processors, each started under an emulator with signed components
//! and tried by an official client.

mod build;
mod targets;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

pub(crate) use self::build::{Cross, Effort};
pub(crate) use self::targets::{Target, named};
use crate::layout::Layout;
use crate::programs::packages;
use crate::step::must;
use crate::{clients, guests};

/// What was asked for.
struct Wanted {
    targets: Vec<&'static Target>,
    effort: Effort,
}

/// What became of a target.
struct Row {
    name: &'static str,
    /// Of the stripped binary, if there is one.
    bytes: Option<u64>,
    /// What code its components ran as and how many KiB the host and its emulator took; or why it did not pass.
    end: Result<(String, u64), String>,
}

/// `cargo x cross [TARGET...] [--quick]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    let wanted = Wanted::read(rest)?;
    let emulators: Vec<_> = wanted.targets.iter().map(|target| (target.emulator, targets::EMULATORS)).collect();
    packages(&emulators)?;
    let cross = Cross::install(layout)?;
    guests::build_shipped(layout)?;
    must(layout.cargo().args(["build", "--locked", "--package", "tidegate-cli", "--package", "tidegate-e2e"]))?;
    clients::install(layout)?;
    // One that fails does not hide the others.
    let rows: Vec<Row> = wanted.targets.iter().map(|target| attempt(layout, &cross, target, wanted.effort)).collect();
    print!("\n{}", table(&rows));
    println!("RSS: KiB of the host with five components, under qemu-user and with what that takes itself.");
    Ok(if rows.iter().all(|row| row.end.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Wanted {
    fn read(arguments: &[String]) -> Result<Self> {
        let (options, names): (Vec<&str>, Vec<&str>) =
            arguments.iter().map(String::as_str).partition(|argument| argument.starts_with('-'));
        let effort = match options.as_slice() {
            [] => Effort::Ship,
            ["--quick"] => Effort::Quick,
            [other, ..] => bail!("`cargo x cross` does not know `{other}`; see `cargo x cross --help`"),
        };
        Ok(Self { targets: named(&names)?, effort })
    }
}

/// Builds for one target, and tries what was built.
fn attempt(layout: &Layout, cross: &Cross, target: &'static Target, effort: Effort) -> Row {
    println!("\n==> {} ({})", target.name, target.triple);
    let mut bytes = None;
    let end = cross.build(layout, target, effort).and_then(|binary| {
        bytes = Some(std::fs::metadata(&binary)?.len());
        ensure!(is_static(&binary)?, "`{}` needs libraries of the system", binary.display());
        smoke(layout, &binary, target)
    });
    Row { name: target.name, bytes, end: end.map_err(|error| format!("{error:#}")) }
}

/// Whether a binary names no program that loads it: neither that nor any library is then needed where it runs.
fn is_static(binary: &Path) -> Result<bool> {
    /// How loaders' names begin on Linux, whichever C library they belong to.
    const LOADER: &[u8] = b"/ld-";
    let bytes = std::fs::read(binary)?;
    let loader = |bytes: &[u8]| bytes.windows(LOADER.len()).any(|part| part == LOADER);
    // The name of the loader is near the beginning, where the headers point to.
    Ok(!loader(bytes.get(..4096).unwrap_or(&bytes)))
}

/// Has an official client use a node with this binary.
fn smoke(layout: &Layout, binary: &Path, target: &Target) -> Result<(String, u64)> {
    let mut smoke = Command::new(layout.target.join("debug/tidegate-smoke"));
    smoke.arg(binary).args([&target.code.join(","), target.emulator]).stderr(Stdio::inherit());
    let output = smoke.output().context("the smoke test does not start")?;
    ensure!(output.status.success(), "the client was not served");
    let report: Value = serde_json::from_slice(&output.stdout).context("the smoke test says no JSON")?;
    for reason in report.get("given-up").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        println!("given up: {reason}");
    }
    let code = report.get("code").and_then(Value::as_str).context("no kind of code")?;
    println!("served as {code}");
    Ok((code.to_owned(), report.get("rss").and_then(Value::as_u64).context("no RSS")?))
}

fn table(rows: &[Row]) -> String {
    let mut text = "| target | bytes | code | RSS | client |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let bytes = row.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        let rest = match &row.end {
            Ok((code, rss)) => format!("{code} | {rss} | passed"),
            Err(reason) => format!("- | - | FAILED: {}", reason.replace('\n', " ")),
        };
        text.push_str(&format!("| {} | {bytes} | {rest} |\n", row.name));
    }
    text
}
