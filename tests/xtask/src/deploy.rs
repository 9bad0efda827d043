//! `cargo x deploy`: whether what installs a node elsewhere is what its readers take: a cluster's manifests by the schemas of
//! that cluster, the service's units by systemd.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::layout::Layout;
use crate::step::{Count, succeeds};
use crate::{clients, no_arguments};

/// Versions of Kubernetes: the oldest that somebody may still run, and the newest that the validator knows.
const KUBERNETES: [&str; 2] = ["1.31", "1.37"];
/// The most that systemd may call a unit exposed, from 0 to 10.
const EXPOSURE: f64 = 1.6;

/// `cargo x deploy`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    no_arguments("deploy", rest)?;
    let count = run(layout)?;
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks all of it.
pub(crate) fn run(layout: &Layout) -> Result<Count> {
    let mut count = Count::default();
    let mut add = |success: bool| {
        let Count { passed, failed } = Count::of(success);
        count.passed += passed;
        count.failed += failed;
    };
    let python = layout.clients().join("deploy");
    clients::once(&python, &layout.root.join("tests/deploy/requirements.txt"), clients::python)?;
    let manifests = files(&layout.root.join("deploy/kubernetes"), "yaml")?;
    for version in KUBERNETES {
        let mut validate = Command::new(python.join("bin/kubernetes-validate"));
        add(succeeds(validate.args(["--strict", "--kubernetes-version", version]).args(&manifests))?);
    }
    if Command::new("systemd-analyze").arg("--version").output().is_ok() {
        add(exposure(layout, &[])?);
        for drop_ins in ["edge", "pulley"] {
            add(exposure(layout, &files(&layout.root.join("deploy/systemd").join(drop_ins), "conf")?)?);
        }
    } else {
        println!("the units were not looked at: `systemd-analyze` is missing (`apt-get install systemd`)");
    }
    Ok(count)
}

/// The files of a folder with this ending; none would be a mistake here.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == ending));
    files.sort();
    ensure!(!files.is_empty(), "`{}` has no .{ending} file", folder.display());
    Ok(files)
}

/// Whether the service's unit with these drop-ins is exposed no more than it may be. systemd reads drop-ins from a root
/// folder only, so it gets one.
fn exposure(layout: &Layout, drop_ins: &[PathBuf]) -> Result<bool> {
    let root = layout.target.join("tmp/systemd");
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    let units = root.join("etc/systemd/system");
    std::fs::create_dir_all(units.join("tidegate.service.d"))?;
    std::fs::copy(layout.root.join("deploy/systemd/tidegate.service"), units.join("tidegate.service"))?;
    for drop_in in drop_ins {
        let name = drop_in.file_name().context("a drop-in has a name")?;
        std::fs::copy(drop_in, units.join("tidegate.service.d").join(name))?;
    }
    exposed_at_most(&root, &format!("tidegate.service with {} drop-ins", drop_ins.len()))
}

/// Whether the service's unit below a root folder is exposed no more than it may be.
pub(crate) fn exposed_at_most(root: &Path, what: &str) -> Result<bool> {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager"]).arg(format!("--root={}", root.display()));
    let output = analyze.arg("tidegate.service").output().context("systemd-analyze does not start")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("Overall exposure level")).with_context(|| {
        format!("systemd-analyze does not say how exposed the unit is: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    let level = line.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).context("no level")?;
    let level: f64 = level.parse().with_context(|| format!("`{level}` is no level"))?;
    println!("{what}: exposure {level}, at most {EXPOSURE}");
    Ok(level <= EXPOSURE)
}
