//! `cargo x registry-interop`: our registry with other people's clients, our client with another registry, and a folder that is
//! published and looked at by hand.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::programs::{packages, program_path};
use crate::step::{must, succeeds};
use crate::{clients, guests, no_arguments};

/// The version of `wkg` that is tried; built from crates.io.
const WKG: &str = "0.16.1";

/// `cargo x registry-interop`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    no_arguments("registry-interop", rest)?;
    packages(&[("skopeo", "skopeo"), ("docker-registry", "docker-registry")])?;
    guests::build(layout)?;
    must(layout.cargo().args(["build", "--locked", "--package", "tidegate-cli"]))?;
    clients::install(layout)?;
    let wkg = wkg(layout)?;
    let folder = layout.root.join("tests/registry");
    let python = layout.clients().join("oras");
    clients::once(&python, &folder.join("requirements.txt"), clients::python)?;
    let mut script = Command::new("bash");
    script
        .arg(folder.join("interop.sh"))
        .env("TIDEGATE", layout.host("debug"))
        .env("WKG", wkg)
        .env("PYTHON", python.join("bin/python"))
        .env("REGISTRY", program_path("docker-registry").unwrap_or_default())
        .env("COMPONENT", layout.fixtures().join("echo.wasm"));
    let mut publish = Command::new("bash");
    publish.arg(folder.join("publish.sh"));
    publish.env("TIDEGATE", layout.host("debug")).env("PYTHON", python.join("bin/python"));
    publish.env("NODE", layout.clients().join("node/node_modules/.bin/node"));
    publish.env("NODE_PATH", layout.clients().join("sigstore-node/node_modules"));
    // Both are run, so that one failure does not hide another.
    let both = [succeeds(&mut script)?, succeeds(&mut publish)?];
    Ok(if both == [true, true] { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds `wkg`, once for each version. It takes minutes.
fn wkg(layout: &Layout) -> Result<PathBuf> {
    let root = layout.clients().join(format!("wkg-{WKG}"));
    let program = root.join("bin/wkg");
    if !program.is_file() {
        println!("building wkg {WKG} into {}", root.display());
        let mut install = layout.cargo();
        install.args(["install", "wkg", "--version", WKG, "--locked", "--root"]).arg(&root);
        must(install.env("CARGO_TARGET_DIR", layout.target.join("wkg"))).context("wkg was not built")?;
    }
    Ok(program)
}
