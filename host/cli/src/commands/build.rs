//! `tidegate build`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tidegate::StatePaths;
use tidegate::attestation::receipt;
use tidegate::bundle::{Bundle, embed_manifest, strip};
use tidegate::source::{RECEIPT_SUFFIX, SIGNATURE_SUFFIX};
use tidegate_toolchain::{BuildError, BuildRequest, Built, Profile, Toolchain};

use crate::args::HostArgs;
use crate::commands::sign::{with_suffix, write_atomically};
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output;
use crate::settings::Settings;

/// `tidegate build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The folder with `Cargo.toml` and `tidegate.toml`, or a workspace of such folders.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Quick to build, slow to run.
    #[arg(long)]
    debug: bool,
    /// Cargo features to switch on.
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    features: Vec<String>,
    /// Install the guest toolchain if it is missing: through rustup, or from Debian's packages.
    #[arg(long)]
    install_toolchain: bool,
    #[command(flatten)]
    host: HostArgs,
}

impl Build {
    /// As `tidegate build DIR` would.
    pub(crate) fn of(path: PathBuf, host: HostArgs) -> Self {
        Self { path, debug: false, features: Vec::new(), install_toolchain: false, host }
    }

    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let reports = self.build(json)?;
        if json {
            output::json(&json!({ "built": reports }))?;
        }
        Ok(Exit::Done)
    }

    /// Builds, and says so unless it is to be `quiet`.
    pub(crate) fn build(self, quiet: bool) -> Result<Vec<Value>> {
        let folder = std::path::absolute(&self.path)?;
        if !folder.join("Cargo.toml").is_file() {
            return Err(fail!(
                NotFound,
                "there is no `Cargo.toml` in `{}`: name a component's folder, or make one with `tidegate new NAME`",
                folder.display()
            ));
        }
        let settings = Settings::load(&self.host, true)?;
        let say = |line: &str| eprintln!("{line}");
        let toolchain = match self.install_toolchain {
            true => Toolchain::find_or_install(&say)?,
            false => {
                Toolchain::find().context("components cannot be built here (`--install-toolchain` tries to mend it)")?
            }
        };
        let request = BuildRequest {
            manifest_dir: folder.clone(),
            target_dir: folder.join("target"),
            packages: package(&folder)?.into_iter().collect(),
            profile: if self.debug { Profile::Dev } else { Profile::Release },
            features: self.features,
        };
        let built = toolchain.build(&request, &say).map_err(|error| match error {
            error @ BuildError::Failed { .. } => crate::failure::Failure::new(Exit::Usage, error),
            error => error.into(),
        })?;
        let with_manifest: Vec<_> = built.iter().filter(|built| manifest(built).is_file()).collect();
        if with_manifest.is_empty() {
            return Err(fail!(
                Usage,
                "nothing that was built has a `tidegate.toml` beside its `Cargo.toml`: it says what the component is; and the \
                 crate needs `crate-type = [\"cdylib\"]` under `[lib]`"
            ));
        }
        let key = StatePaths::open(&settings.config.state.value)?.load_host_key()?;
        let out = folder.join("target/components");
        fs::create_dir_all(&out).with_context(|| format!("cannot make `{}`", out.display()))?;
        let mut reports = Vec::new();
        for built in with_manifest {
            reports.push(finish(built, &out, &key, quiet)?);
        }
        Ok(reports)
    }
}

/// Strips a component, embeds its manifest, and writes it with a receipt.
fn finish(built: &Built, out: &Path, key: &tidegate::attestation::HostKey, json: bool) -> Result<Value> {
    let manifest = manifest(built);
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read `{}`", manifest.display()))?;
    let bytes = fs::read(&built.wasm).with_context(|| format!("cannot read `{}`", built.wasm.display()))?;
    let finished = strip(&bytes).and_then(|stripped| embed_manifest(&stripped, &text)).blame(Exit::Usage)?;
    let bundle = Bundle::new(finished, Vec::new())
        .with_context(|| format!("`{}` cannot be used", manifest.display()))
        .blame(Exit::Usage)?;
    let reference = bundle
        .manifest()
        .map(tidegate::bundle::Manifest::reference)
        .ok_or_else(|| fail!(Host, "the manifest of `{}` was lost", built.wasm.display()))?;
    let path = out.join(format!("{}.wasm", reference.name));
    let signature = with_suffix(&path, SIGNATURE_SUFFIX);
    let changed = fs::read(&path).map_or(true, |present| present != **bundle.bytes());
    let write = |path: &Path, bytes: &[u8]| {
        write_atomically(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
    };
    if changed {
        // A signature is for the bytes that were: a host would refuse the new ones because of it.
        match fs::remove_file(&signature) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("cannot remove `{}`", signature.display()))
                    .blame(Exit::Host);
            }
            _ => {}
        }
        write(&path, bundle.bytes())?;
    }
    write(&with_suffix(&path, RECEIPT_SUFFIX), &receipt(key, bundle.digest(), &reference))?;
    if !json {
        output::line(format_args!("built {reference}: {} ({} bytes)", path.display(), bundle.size()));
        if !signature.is_file() {
            output::line("  not signed: a host on this machine takes it with `--development`; for others:");
            output::line(format_args!("  tidegate sign {}", path.display()));
        }
    }
    Ok(json!({
        "component": path,
        "reference": reference.to_string(),
        "digest": bundle.digest().to_string(),
        "size": bundle.size(),
        "changed": changed,
    }))
}

fn manifest(built: &Built) -> PathBuf {
    built.manifest.with_file_name("tidegate.toml")
}

/// The package of a folder; none: a workspace, of which every member is built.
fn package(folder: &Path) -> Result<Option<String>> {
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let cargo: toml::Table =
        toml::from_str(&text).with_context(|| format!("`{}` is no TOML", path.display())).blame(Exit::Usage)?;
    let name = cargo.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    Ok(name.map(str::to_owned))
}
