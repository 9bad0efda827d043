//! `tidegate build`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tidegate::StatePaths;
use tidegate::attestation::receipt;
use tidegate::bundle::{Bundle, embed_manifest, strip};
use tidegate::reference::{ComponentName, Version};
use tidegate::source::{RECEIPT_SUFFIX, SIGNATURE_SUFFIX};
use tidegate_toolchain::{BuildError, BuildRequest, Built, Profile, Toolchain};

use crate::args::HostArgs;
use crate::commands::native::{NativeArgs, remove_beside};
use crate::commands::sign::{read_bundle, reference, with_suffix, write_atomically};
use crate::commands::signer::{Signer, SignerArgs};
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output;
use crate::settings::Settings;

/// `tidegate build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The folder with `Cargo.toml` and `tidegate.toml`, or a workspace of such folders; with `--target` also a component
    /// file that is there already.
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
    native: NativeArgs,
    #[command(flatten)]
    signer: SignerArgs,
    /// The name of a component file that has no manifest that says it.
    #[arg(long, requires = "target")]
    name: Option<ComponentName>,
    /// The version of a component file that has no manifest that says it.
    #[arg(long, requires = "target")]
    version: Option<Version>,
    #[command(flatten)]
    host: HostArgs,
}

impl Build {
    /// As `tidegate build DIR` would.
    pub(crate) fn of(path: PathBuf, host: HostArgs) -> Self {
        Self {
            path,
            debug: false,
            features: Vec::new(),
            install_toolchain: false,
            native: NativeArgs::default(),
            signer: SignerArgs::default(),
            name: None,
            version: None,
            host,
        }
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
        if self.native.target.is_empty() && self.signer.is_given() {
            return Err(fail!(
                Usage,
                "what is signed here is native code: name its `--target`, or sign the component with `tidegate sign`"
            ));
        }
        if self.path.is_file() {
            return self.of_file(quiet);
        }
        let folder = std::path::absolute(&self.path)?;
        if !folder.join("Cargo.toml").is_file() {
            return Err(fail!(
                NotFound,
                "there is no `Cargo.toml` in `{}`: name a component's folder, or make one with `tidegate new NAME`",
                folder.display()
            ));
        }
        let settings = Settings::load(&self.host, true)?;
        // Before anything is built: a missing key should not cost the time.
        let signer = (!self.native.target.is_empty()).then(|| self.signer.signer(&self.host)).transpose()?;
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
            features: self.features.clone(),
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
            let (path, mut report) = finish(built, &out, &key, quiet)?;
            if let Some(signer) = &signer {
                let bundle = read_bundle(&path)?;
                let native = self.compile(&settings, &path, &bundle, signer, quiet)?;
                if let Some(report) = report.as_object_mut() {
                    report.insert("native".to_owned(), native.into());
                }
            }
            reports.push(report);
        }
        Ok(reports)
    }

    /// Native code of a component that is there already; the component stays as it is.
    fn of_file(self, quiet: bool) -> Result<Vec<Value>> {
        if self.native.target.is_empty() {
            return Err(fail!(
                Usage,
                "`{}` is built already: `--target TARGET` compiles native code of it, for hosts without a compiler",
                self.path.display()
            ));
        }
        let settings = Settings::load(&self.host, true)?;
        let signer = self.signer.signer(&self.host)?;
        let bundle = read_bundle(&self.path)?;
        let native = self.compile(&settings, &self.path, &bundle, &signer, quiet)?;
        Ok(vec![json!({
            "component": self.path,
            "digest": bundle.digest().to_string(),
            "size": bundle.size(),
            "changed": false,
            "native": native,
        })])
    }

    fn compile(
        &self,
        settings: &Settings,
        path: &Path,
        bundle: &Bundle,
        signer: &Signer,
        quiet: bool,
    ) -> Result<Vec<Value>> {
        let reference = reference(path, bundle, self.name.as_ref(), self.version.as_ref())?;
        let mut reports = Vec::new();
        for (path, made) in self.native.write(settings, path, bundle, &reference, signer)? {
            if !quiet {
                let (target, layout) = (made.file.target(), made.statement.layout);
                let size = made.file.code().len();
                output::line(format_args!(
                    "compiled {reference} for {target}, {layout}, and signed it: {} ({size} bytes)",
                    path.display()
                ));
            }
            reports.push(made.report(&path));
        }
        Ok(reports)
    }
}

/// Strips a component, embeds its manifest, and writes it with a receipt.
fn finish(built: &Built, out: &Path, key: &tidegate::attestation::HostKey, json: bool) -> Result<(PathBuf, Value)> {
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
        remove_beside(&path)?;
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
    let report = json!({
        "component": path,
        "reference": reference.to_string(),
        "digest": bundle.digest().to_string(),
        "size": bundle.size(),
        "changed": changed,
    });
    Ok((path, report))
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
