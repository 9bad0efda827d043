//! `cargo x run`: from a checkout to a host that serves.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::guests;
use crate::layout::Layout;

/// `cargo x run [ARGUMENTS]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    // Progress goes to standard error throughout: with `--stdio`, standard output belongs to the protocol.
    eprintln!("building the components");
    guests::build_shipped(layout)?;
    eprintln!("building the host");
    quietly(layout.cargo().args(["build", "--locked", "--package", "tidegate-cli"]))?;
    let host = layout.host("debug");
    let key = developer_key(layout, &host)?;
    let policy = developer_policy(layout)?;
    sign_all(layout, &host, &key)?;
    let mut run = Command::new(&host);
    run.arg("run").arg("--state").arg(layout.state()).arg("--policy").arg(policy);
    run.arg("--components").arg(layout.components());
    run.args(rest.iter().skip_while(|argument| *argument == "--"));
    become_program(run)
}

/// The developer's key, made on first use. It never leaves the target directory.
fn developer_key(layout: &Layout, host: &Path) -> Result<PathBuf> {
    let key = layout.state().join("developer.key");
    if !key.is_file() {
        std::fs::create_dir_all(layout.state()).context("cannot create the folder of the host's state")?;
        eprintln!("creating a developer key: {}", key.display());
        quietly(Command::new(host).args(["key", "new", "--out"]).arg(&key))?;
    }
    Ok(key)
}

/// The policy, written once from the preset and then the developer's own.
fn developer_policy(layout: &Layout) -> Result<PathBuf> {
    let policy = layout.state().join("policy.toml");
    if !policy.is_file() {
        let preset = layout.root.join("policies/presets/developer.toml");
        std::fs::copy(&preset, &policy).with_context(|| format!("cannot copy `{}`", preset.display()))?;
        eprintln!("wrote the policy {}", policy.display());
    }
    // The preset grants `tool-files` this folder, beside the policy.
    let files = layout.state().join("files");
    std::fs::create_dir_all(&files).with_context(|| format!("cannot create `{}`", files.display()))?;
    Ok(policy)
}

/// Signs every shipped component whose signature is missing or older than the component or the key.
fn sign_all(layout: &Layout, host: &Path, key: &Path) -> Result<()> {
    let folder = layout.components();
    let mut components: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read `{}`", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    components.sort();
    for component in components {
        let signature = component.with_extension("wasm.sigstore.json");
        if newer(&signature, &component) && newer(&signature, key) {
            continue;
        }
        quietly(Command::new(host).arg("sign").arg("--key").arg(key).arg(&component))?;
    }
    Ok(())
}

/// Whether `file` exists and was written after `other`.
fn newer(file: &Path, other: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|about| about.modified());
    matches!((time(file), time(other)), (Ok(file), Ok(other)) if file >= other)
}

/// Runs a command whose standard output must not reach ours.
fn quietly(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("`{program}` does not start"))?;
    if !output.status.success() {
        bail!("`{program}` failed: {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(())
}

/// Becomes the host: signals and the exit code are then its own.
#[cfg(unix)]
fn become_program(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("the host does not start")
}

#[cfg(not(unix))]
fn become_program(mut command: Command) -> Result<ExitCode> {
    let status = command.status().context("the host does not start")?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}
