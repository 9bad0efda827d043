//! `tidegate sign`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tidegate::attestation::{self, PrivateKey};
use tidegate::bundle::Bundle;
use tidegate::reference::{ComponentName, Reference, Version};
use tidegate::source::{SIGNATURE_SUFFIX, read_component};

use crate::args::HostArgs;
use crate::commands::key::signing_key;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output;

/// `tidegate sign`.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The private key [default: default.key in the key directory].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The name that the component gets, if it has no manifest that says it.
    #[arg(long)]
    name: Option<ComponentName>,
    /// The version that the component gets, if it has no manifest that says it.
    #[arg(long)]
    version: Option<Version>,
    /// Component files.
    #[arg(required = true, value_name = "X.wasm")]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Sign {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        if self.components.len() > 1 && (self.name.is_some() || self.version.is_some()) {
            return Err(fail!(Usage, "`--name` and `--version` are for one component: sign them one by one"));
        }
        let key = signing_key(self.key.as_deref(), &self.host)?;
        let mut signed = Vec::new();
        for path in &self.components {
            let report = self.sign(path, &key)?;
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

    fn sign(&self, path: &Path, key: &PrivateKey) -> Result<Value> {
        let bundle = read_bundle(path)?;
        let reference = self.reference(path, &bundle)?;
        let signature = attestation::sign(&bundle, &reference, key).blame(Exit::Usage)?;
        let to = with_suffix(path, SIGNATURE_SUFFIX);
        write_atomically(&to, &signature).with_context(|| format!("cannot write `{}`", to.display()))?;
        Ok(json!({
            "component": path,
            "reference": reference.to_string(),
            "digest": bundle.digest().to_string(),
            "signature": to,
            "fingerprint": key.public_key().fingerprint(),
        }))
    }

    /// What the component is signed as: what its manifest says, or what was typed.
    fn reference(&self, path: &Path, bundle: &Bundle) -> Result<Reference> {
        match (bundle.manifest(), &self.name, &self.version) {
            (Some(manifest), name, version) => {
                let own = manifest.reference();
                // `attestation::sign` refuses other ones, and says which the manifest wants.
                Ok(Reference::new(name.clone().unwrap_or(own.name), version.clone().unwrap_or(own.version)))
            }
            (None, Some(name), Some(version)) => Ok(Reference::new(name.clone(), version.clone())),
            (None, ..) => Err(fail!(
                Usage,
                "`{}` has no manifest: say what it is with `--name NAME --version 1.0.0`",
                path.display()
            )),
        }
    }
}

/// A component file with what lies beside it; only what is missing is blamed on whoever typed.
pub(crate) fn read_bundle(path: &Path) -> Result<Bundle> {
    use tidegate::source::ReadError;
    match read_component(path) {
        Ok(sourced) => Ok(sourced.bundle),
        Err(error @ ReadError::NotThere(_)) => Err(error).blame(Exit::NotFound),
        Err(error) => Err(error).blame(Exit::Usage),
    }
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
