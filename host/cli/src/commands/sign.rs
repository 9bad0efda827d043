//! `tidegate sign`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tidegate::attestation::{self, PrivateKey};
use tidegate::bundle::{Bundle, Claim};
use tidegate::reference::{ComponentName, Reference, Version};
use tidegate::source::{SIGNATURE_SUFFIX, read_component};
use tidegate_keyless::{KeylessError, Services};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::key::signing_key;
use crate::commands::verify::read_file;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output;

/// `tidegate sign`.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The private key [default: default.key in the key directory].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Sign as whom this token names, with a key for this one signature: a JWT of an OpenID Connect provider.
    #[arg(long, value_name = "FILE", requires = "signing_config", conflicts_with = "key")]
    identity_token_file: Option<PathBuf>,
    /// The services for that: certificate authority, transparency log, time authority (a `signing_config.json`).
    #[arg(long, value_name = "FILE", requires = "identity_token_file")]
    signing_config: Option<PathBuf>,
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
        if self.components.len() > 1 && self.statement.is_some() {
            return Err(fail!(Usage, "`--statement` is about one component: sign them one by one"));
        }
        let signer = self.signer()?;
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

    /// A key of this machine, or the services that certify an identity.
    fn signer(&self) -> Result<Signer> {
        let (Some(token), Some(config)) = (&self.identity_token_file, &self.signing_config) else {
            return Ok(Signer::Key(Box::new(signing_key(self.key.as_deref(), &self.host)?)));
        };
        let services = Services::from_json(&read_file(config)?).blame(Exit::Usage)?;
        let token = String::from_utf8(read_file(token)?)
            .map_err(|_| fail!(Usage, "`{}` is not a token: it is no text", token.display()))?;
        Ok(Signer::Services(services, token))
    }

    fn sign(&self, path: &Path, signer: &Signer) -> Result<Value> {
        let bundle = read_bundle(path)?;
        let reference = self.reference(path, &bundle)?;
        let payload = attestation::statement(&bundle, &reference, &[]).blame(Exit::Usage)?;
        let (payload, to) = match (&self.statement, &self.out) {
            (Some(file), Some(out)) => (about(file, &bundle)?, out.clone()),
            _ => (payload, with_suffix(path, SIGNATURE_SUFFIX)),
        };
        let (signature, fingerprint) = match signer {
            Signer::Key(key) => {
                let signature = attestation::sign_statement(payload, key).blame(Exit::Usage)?;
                (signature, Some(key.public_key().fingerprint()))
            }
            Signer::Services(services, token) => {
                let signed = block_on(async { Ok(services.sign_statement(&payload, token).await) })?;
                (signed.map_err(blame_services)?, None)
            }
        };
        write_atomically(&to, &signature).with_context(|| format!("cannot write `{}`", to.display()))?;
        Ok(json!({
            "component": path,
            "reference": reference.to_string(),
            "digest": bundle.digest().to_string(),
            "signature": to,
            "fingerprint": fingerprint,
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

/// What makes a signature.
enum Signer {
    /// A key.
    Key(Box<PrivateKey>),
    /// Services, and the token of who signs.
    Services(Services, String),
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

/// Wrong files are the caller's fault, services that do not answer are nobody's here.
fn blame_services(error: KeylessError) -> crate::failure::Failure {
    let exit = match error {
        KeylessError::Service { .. } | KeylessError::Answer(_) => Exit::Host,
        _ => Exit::Usage,
    };
    crate::failure::Failure::new(exit, error)
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
