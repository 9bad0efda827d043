//! `cargo x release`: everything that is shipped, from one commit, so that whoever builds the same commit gets the same bytes.

mod check;
mod components;
mod image;
mod package;
mod root;
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tidegate_toolchain::Toolchain;

use self::sources::Sources;
use crate::cross::{Cross, Effort, Target, named};
use crate::edge::output;
use crate::layout::Layout;
use crate::programs::packages;
use crate::step::must;
use crate::{clients, guests};

/// Of every package here.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What the binary, its package and its image are called.
const NAME: &str = "tidegate-edge";
/// The public half of the key that signed.
const PUBLIC_KEY: &str = "release.pub";
/// For which there are packages and images. The other binaries come alone.
const PACKAGED: [&str; 2] = ["amd64", "arm64"];

/// What was asked for.
struct Wanted {
    targets: Vec<&'static Target>,
    /// The private key that signs components, native code and documents.
    key: PathBuf,
    /// Also from sources that are no commit, to try it.
    trial: bool,
}

/// A release that is being made.
struct Release<'a> {
    layout: &'a Layout,
    sources: Sources,
    key: PathBuf,
    /// What is shipped.
    out: PathBuf,
    /// What it is made from.
    work: PathBuf,
}

/// `cargo x release --key FILE [TARGET...] [--trial]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    let wanted = Wanted::read(rest)?;
    let release = Release {
        layout,
        sources: Sources::read(layout, wanted.trial)?,
        key: fs::canonicalize(&wanted.key).with_context(|| format!("there is no key `{}`", wanted.key.display()))?,
        out: fresh(layout.target.join("release-files"))?,
        work: fresh(layout.target.join("release-work"))?,
    };
    packages(&[("umoci", "umoci"), ("skopeo", "skopeo")])?;
    let cross = Cross::install(layout)?;
    let cargo_deb = package::cargo_deb(layout)?;
    guests::build_shipped(layout)?;
    let of = ["tidegate-cli", "tidegate-e2e", "tidegate-release"].map(|package| ["--package", package]);
    must(layout.cargo().args(["build", "--locked"]).args(of.concat()))?;
    clients::install(layout)?;
    fs::write(release.out.join(PUBLIC_KEY), release.public_key()?)?;
    let components = release.components(&wanted.targets)?;
    let mut images = Vec::new();
    for target in wanted.targets.iter().copied() {
        let binary = cross.build(layout, target, Effort::Ship)?;
        release.copy(&binary, &release.out.join(format!("{NAME}-{VERSION}-{}-linux", target.name)))?;
        if PACKAGED.contains(&target.architecture) {
            let root = release.root(target, &binary, &components)?;
            release.package(&cargo_deb, target, &root)?;
            images.push((target, root));
        }
    }
    if !images.is_empty() {
        release.image(&images)?;
    }
    release.document(&wanted.targets, &cross)?;
    release.check(&images)?;
    println!("\n{}:", release.out.display());
    must(Command::new("cat").arg(release.out.join("SHA256SUMS")))?;
    Ok(ExitCode::SUCCESS)
}

impl Wanted {
    fn read(arguments: &[String]) -> Result<Self> {
        let (mut names, mut key, mut trial) = (Vec::new(), None, false);
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument {
                "--key" => key = arguments.next().map(PathBuf::from),
                "--trial" => trial = true,
                other if other.starts_with('-') => {
                    bail!("`cargo x release` does not know `{other}`; see `cargo x release --help`")
                }
                name => names.push(name),
            }
        }
        let key = key.context("name the key that signs, `--key FILE`: `tidegate key new --out FILE` makes one")?;
        Ok(Self { targets: named(&names)?, key, trial })
    }
}

impl Release<'_> {
    /// The full host, built for this machine: it signs and compiles.
    fn tidegate(&self) -> Command {
        Command::new(self.layout.host("debug"))
    }

    /// The public half of the key, as PEM.
    fn public_key(&self) -> Result<String> {
        let shown = self.tidegate().args(["--json", "key", "show"]).arg(&self.key).output()?;
        ensure!(
            shown.status.success(),
            "`{}` is no key: {}",
            self.key.display(),
            String::from_utf8_lossy(&shown.stderr)
        );
        let shown: Value = serde_json::from_slice(&shown.stdout)?;
        Ok(shown.get("pem").and_then(Value::as_str).context("the key has no public half")?.to_owned())
    }

    /// Copies a file with its bits for being executed, and no other of its attributes.
    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(from, to).map(drop).with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))
    }

    /// Gives every file and folder below `folder` the time of the sources and the usual permissions: neither when nor by whom
    /// something was made is to be seen in an archive of it.
    fn settle(&self, folder: &Path) -> Result<()> {
        must(Command::new("chmod").args(["-R", "u=rwX,go=rX"]).arg(folder))?;
        let mut touch = Command::new("find");
        touch
            .arg(folder)
            .args(["-exec", "touch", "--no-dereference", "--date"])
            .arg(format!("@{}", self.sources.epoch));
        must(touch.args(["{}", "+"]))
    }

    /// The time of the sources, in UTC.
    fn date(&self, format: &str) -> Result<String> {
        let mut date = Command::new("date");
        date.args(["--utc", "--date", &format!("@{}", self.sources.epoch), format]).env("LC_ALL", "C");
        Ok(String::from_utf8(date.output().context("`date` does not start")?.stdout)?.trim().to_owned())
    }

    /// An archive of a folder; its bytes depend on what is in it alone.
    fn archive(&self, folder: &Path, archive: &Path) -> Result<()> {
        let mut tar = Command::new("tar");
        tar.args(["--sort=name", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"]);
        tar.arg(format!("--mtime=@{}", self.sources.epoch)).arg("-C").arg(folder).arg("-cf").arg(archive);
        let mut names: Vec<_> = fs::read_dir(folder)?.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        must(tar.args(names))
    }

    /// What goes with the files: `tests/release`.
    fn document(&self, targets: &[&Target], cross: &Cross) -> Result<()> {
        let mut built = BTreeSet::new();
        for target in targets {
            let mut tree = self.layout.cargo();
            tree.args([
                "tree",
                "--locked",
                "--package",
                NAME,
                "--edges",
                "normal",
                "--prefix",
                "none",
                "--format",
                "{p}",
            ]);
            let tree = tree.args(["--target", target.triple]).output()?;
            ensure!(
                tree.status.success(),
                "cargo does not say what is built: {}",
                String::from_utf8_lossy(&tree.stderr)
            );
            let lines = String::from_utf8(tree.stdout)?;
            built.extend(lines.lines().filter_map(|line| {
                let mut words = line.split(' ');
                Some((words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned()))
            }));
        }
        let names: Vec<&str> = targets.iter().map(|target| target.triple).collect();
        let made = json!({
            "package": format!("{NAME}@{VERSION}"),
            "built": built,
            "parameters": {
                "components-cargo": output(Toolchain::find()?.cargo(), &["--version"])?.trim(),
                "profile": "edge",
                "rustc": output(cross.rustc(), &["--version"])?.trim(),
                "targets": names.join(","),
            },
            "commit": self.sources.commit,
            "locks": ["Cargo.lock", "components/Cargo.lock", "tests/cross/requirements.txt"],
        });
        let mut document = Command::new(self.layout.target.join("debug/tidegate-release"));
        document.arg("document").args([&self.out, &self.layout.root, &self.key]).stdin(Stdio::piped());
        let mut child = document.spawn().context("`tidegate-release` does not start")?;
        serde_json::to_writer(child.stdin.take().context("no standard input")?, &made)?;
        ensure!(child.wait()?.success(), "the release was not documented");
        Ok(())
    }
}

/// An empty folder.
fn fresh(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests;
