//! `cargo x guests`: the components and the tests' guests.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use tidegate_toolchain::{BuildRequest, Built, Profile, Toolchain};

use crate::finish::finish;
use crate::layout::Layout;
use crate::no_arguments;

/// Whether a guest without `tidegate.toml` is a mistake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manifest {
    Required,
    Optional,
}

/// `cargo x guests`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    no_arguments("guests", rest)?;
    build(layout)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds everything that runs inside the host: the shipped components and the tests' guests.
pub(crate) fn build(layout: &Layout) -> Result<()> {
    let toolchain = toolchain()?;
    components(layout, &toolchain)?;
    workspace(layout, &toolchain, "tests/fixtures", &layout.fixtures(), Manifest::Optional)
}

/// Builds the shipped components only: all that a host needs to serve.
pub(crate) fn build_shipped(layout: &Layout) -> Result<()> {
    components(layout, &toolchain()?)
}

fn toolchain() -> Result<Toolchain> {
    Ok(Toolchain::find_or_install(&|line| eprintln!("{line}"))?)
}

fn components(layout: &Layout, toolchain: &Toolchain) -> Result<()> {
    workspace(layout, toolchain, "components", &layout.components(), Manifest::Required)
}

fn workspace(layout: &Layout, toolchain: &Toolchain, folder: &str, out: &Path, manifest: Manifest) -> Result<()> {
    let start = Instant::now();
    let request = BuildRequest {
        manifest_dir: layout.root.join(folder),
        target_dir: layout.target.join("guests").join(folder.replace('/', "-")),
        profile: Profile::Release,
        ..BuildRequest::default()
    };
    let built = toolchain.build(&request, &|line| eprintln!("{line}"))?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot create `{}`", out.display()))?;
    let mut names = Vec::new();
    let mut changed = 0;
    for guest in &built {
        let name = name_of(guest)?;
        changed += usize::from(place(guest, &out.join(format!("{name}.wasm")), manifest)?);
        names.push(name);
    }
    remove_others(out, &names)?;
    eprintln!("{folder}: {} built, {changed} changed, {:.1} s", names.len(), start.elapsed().as_secs_f32());
    Ok(())
}

/// A component's name is its file's, with the hyphens of its package.
fn name_of(guest: &Built) -> Result<String> {
    let stem = guest.wasm.file_stem().and_then(|stem| stem.to_str());
    Ok(stem.with_context(|| format!("`{}` has no name", guest.wasm.display()))?.replace('_', "-"))
}

/// Writes the finished component if that changes the file; says whether it did.
fn place(guest: &Built, to: &Path, need: Manifest) -> Result<bool> {
    let beside = guest.manifest.with_file_name("tidegate.toml");
    let manifest = match std::fs::read_to_string(&beside) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && need == Manifest::Optional => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("`{}` is missing; a shipped component says what it is and what it asks for", beside.display())
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", beside.display())),
    };
    let component = std::fs::read(&guest.wasm).with_context(|| format!("cannot read `{}`", guest.wasm.display()))?;
    let finished = finish(&component, manifest.as_deref()).with_context(|| format!("in `{}`", beside.display()))?;
    if std::fs::read(to).is_ok_and(|present| present == finished) {
        return Ok(false);
    }
    // Renamed into place: a host that watches the folder never sees half a file.
    let half = to.with_extension("wasm.new");
    std::fs::write(&half, finished)
        .and_then(|()| std::fs::rename(&half, to))
        .with_context(|| format!("cannot write `{}`", to.display()))?;
    Ok(true)
}

/// Removes components, and their signatures, whose source is gone: they would be loaded for ever.
fn remove_others(folder: &Path, names: &[String]) -> Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let known =
            names.iter().any(|name| file.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(".wasm")));
        if !known && file.contains(".wasm") {
            std::fs::remove_file(entry.path()).with_context(|| format!("cannot remove `{file}`"))?;
        }
    }
    Ok(())
}
