//! `tidegate sign`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tidegate::attestation;
use tidegate::bundle::{Bundle, Claim};
use tidegate::reference::{ComponentName, Reference, Version};
use tidegate::source::SIGNATURE_SUFFIX;
use tidegate_commands::verify::{read_bundle, read_file};

use crate::args::HostArgs;
use crate::commands::model;
use crate::commands::signer::{Signer, SignerArgs};
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output;

/// `tidegate sign`.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    #[command(flatten)]
    signer: SignerArgs,
    /// Sign this in-toto statement about the component instead: provenance (SLSA v1) or a bill of materials.
    #[arg(long, value_name = "FILE", requires = "out")]
    statement: Option<PathBuf>,
    /// Where the signed statement goes.
    #[arg(long, value_name = "FILE", requires = "statement")]
    out: Option<PathBuf>,
    /// The name that the component gets, if it has no manifest that says it.
    #[arg(long)]
    name: Option<ComponentName>,
    /// The version that the component gets, if it has no manifest that says it.
    #[arg(long)]
    version: Option<Version>,
    /// Component files, or folders of models with a `model.toml`.
    #[arg(required = true, value_name = "X.wasm|FOLDER")]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Sign {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        if self.components.len() > 1 && (self.name.is_some() || self.version.is_some()) {
            return Err(fail!(Usage, "`--name` and `--version` are for one component: sign them one by one"));
        }
        if self.components.len() > 1 && self.statement.is_some() {
            return Err(fail!(Usage, "`--statement` is about one component: sign them one by one"));
        }
        let signer = self.signer.signer(&self.host)?;
        let mut signed = Vec::new();
        for path in &self.components {
            let report = self.sign(path, &signer)?;
            if !json {
                let text = |name: &str| report.get(name).and_then(Value::as_str).unwrap_or_default();
                output::line(format_args!("signed {} as {}", text("component"), text("reference")));
            }
            signed.push(report);
        }
        if json {
            output::json(&json!({ "signed": signed }))?;
        }
        Ok(Exit::Done)
    }

    fn sign(&self, path: &Path, signer: &Signer) -> Result<Value> {
        if model::is_model(path) {
            if self.name.is_some() || self.version.is_some() || self.statement.is_some() {
                return Err(fail!(
                    Usage,
                    "`--name`, `--version` and `--statement` are for components: a model's `model.toml` says it"
                ));
            }
            return model::sign(path, signer);
        }
        if path.extension().is_some_and(|extension| extension == "cwasm") {
            return Err(fail!(
                Usage,
                "`{}` is native code, which nobody can read: whoever compiles it signs it at once, with `tidegate build \
                 X.wasm --target TARGET`",
                path.display()
            ));
        }
        let bundle = read_bundle(path)?;
        let reference = reference(path, &bundle, self.name.as_ref(), self.version.as_ref())?;
        let payload = attestation::statement(&bundle, &reference, &[]).blame(Exit::Usage)?;
        let (payload, to) = match (&self.statement, &self.out) {
            (Some(file), Some(out)) => (about(file, &bundle)?, out.clone()),
            _ => (payload, with_suffix(path, SIGNATURE_SUFFIX)),
        };
        let signed = signer.sign(payload)?;
        write_atomically(&to, &signed.file).with_context(|| format!("cannot write `{}`", to.display()))?;
        Ok(json!({
            "component": path,
            "reference": reference.to_string(),
            "digest": bundle.digest().to_string(),
            "signature": to,
            "fingerprint": signed.fingerprint,
        }))
    }
}

/// What a component is signed as: what its manifest says, or what was typed.
pub(crate) fn reference(
    path: &Path,
    bundle: &Bundle,
    name: Option<&ComponentName>,
    version: Option<&Version>,
) -> Result<Reference> {
    match (bundle.manifest(), name, version) {
        (Some(manifest), name, version) => {
            let own = manifest.reference();
            // `attestation::sign` refuses other ones, and says which the manifest wants.
            Ok(Reference::new(name.cloned().unwrap_or(own.name), version.cloned().unwrap_or(own.version)))
        }
        (None, Some(name), Some(version)) => Ok(Reference::new(name.clone(), version.clone())),
        (None, ..) => {
            Err(fail!(Usage, "`{}` has no manifest: say what it is with `--name NAME --version 1.0.0`", path.display()))
        }
    }
}

/// A statement that verifiers read, about this component.
fn about(file: &Path, bundle: &Bundle) -> Result<Vec<u8>> {
    let payload = read_file(file)?;
    let claim = Claim::parse(&payload).with_context(|| format!("`{}` is not signed", file.display()));
    if claim.blame(Exit::Usage)?.subjects.iter().any(|subject| subject.digest == bundle.digest()) {
        return Ok(payload);
    }
    Err(fail!(Usage, "`{}` is not about this component: no subject has the digest {}", file.display(), bundle.digest()))
}

/// A path with something appended to its last part.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Writes a file beside its place and renames it: nobody sees half of one.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = with_suffix(path, &format!(".{}.new", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}
