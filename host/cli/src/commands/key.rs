//! `tidegate key`: keys that sign components.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tidegate::attestation::{Algorithm, PrivateKey, PublicKey};
use tidegate_commands::keys::{public_key, read};

use crate::args::HostArgs;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output::{self, Style};
use crate::settings::Settings;

/// The name of the key that is made and used where none is named.
const DEFAULT_NAME: &str = "default.key";

/// `tidegate key ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Makes a key: the private half for signing, the public half for policies.
    New(New),
    /// Lists the keys of the key directory.
    List(List),
    /// Shows one key: algorithm, fingerprint and the public half for a policy.
    Show(Show),
}

/// `tidegate key new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Where to write the private key; the public one goes beside it as `.pub` [default: default.key in the key
    /// directory].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// ed25519, or ecdsa-p256 for hardware and tools that know nothing else.
    #[arg(long, default_value = "ed25519")]
    algorithm: Algorithm,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate key list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate key show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A key file, private or public [default: default.key in the key directory].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Key {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        match self {
            Self::New(new) => new.run(json),
            Self::List(list) => list.run(json),
            Self::Show(show) => show.run(json),
        }
    }
}

impl New {
    fn run(self, json: bool) -> Result<Exit> {
        let private = match self.out {
            Some(out) => out,
            None => {
                let keys = Settings::load(&self.host, true)?.config.keys.value;
                let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys);
                made.with_context(|| format!("cannot make the key directory `{}`", keys.display()))?;
                keys.join(DEFAULT_NAME)
            }
        };
        if private.extension().is_some_and(|extension| extension == "pub") {
            return Err(fail!(
                Usage,
                "`{}` is the name of a public key: name the private one, as in `--out {}`",
                private.display(),
                private.with_extension("key").display()
            ));
        }
        let public = public_beside(&private);
        let key = PrivateKey::generate(self.algorithm)?;
        // The public half first: a private key without one is of no use to anybody.
        write_new(&public, key.public_key().to_pem().as_bytes(), 0o644)?;
        if let Err(failure) = write_new(&private, key.to_pem().as_bytes(), 0o600) {
            let _ = fs::remove_file(&public);
            return Err(failure);
        }
        let fingerprint = key.public_key().fingerprint();
        if json {
            output::json(&json!({
                "private-key": private,
                "public-key": public,
                "algorithm": self.algorithm.to_string(),
                "fingerprint": fingerprint,
            }))?;
            return Ok(Exit::Done);
        }
        output::line(format_args!("private key  {}  (keep it secret: whoever has it signs as you)", private.display()));
        output::line(format_args!("public key   {}", public.display()));
        output::line(format_args!("fingerprint  {fingerprint}  ({})", self.algorithm));
        output::line("");
        output::line("who believes this key says so in a policy file:");
        output::line(format_args!("  [signers.{}]", signer_name(&private)));
        output::line(format_args!("  public-key-file = \"{}\"", absolute(&public).display()));
        Ok(Exit::Done)
    }
}

impl List {
    fn run(self, json: bool) -> Result<Exit> {
        let keys = Settings::load(&self.host, true)?.config.keys.value;
        let mut found: Vec<(PathBuf, Result<PublicKey>)> = Vec::new();
        for path in files(&keys)? {
            let private = path.with_extension("key");
            let known = path.extension().is_some_and(|extension| extension == "pub") && private.is_file();
            // A public half beside its private one is listed once.
            if !known {
                let key = public_key(&path);
                found.push((path, key));
            }
        }
        if json {
            let keys: Vec<Value> = found.iter().map(|(path, key)| report(path, key)).collect();
            output::json(&json!({ "keys": keys }))?;
            return Ok(Exit::Done);
        }
        if found.is_empty() {
            output::line(format_args!("no keys in `{}`: make one with `tidegate key new`", keys.display()));
        }
        let style = Style::stdout();
        for (path, key) in found {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match key {
                Ok(key) => {
                    let half = if is_private(&path) { "private" } else { "public" };
                    output::line(format_args!("{name}  {}  {key}  {half}", key.algorithm()));
                }
                Err(failure) => output::line(format_args!("{name}  {} {}", style.bad("unusable:"), failure.text())),
            }
        }
        Ok(Exit::Done)
    }
}

impl Show {
    fn run(self, json: bool) -> Result<Exit> {
        let path = match self.file {
            Some(file) => file,
            None => Settings::load(&self.host, true)?.config.keys.value.join(DEFAULT_NAME),
        };
        let key = public_key(&path)?;
        if json {
            let mut shown = report(&path, &Ok(key.clone()));
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("pem".to_owned(), key.to_pem().into());
            }
            output::json(&shown)?;
            return Ok(Exit::Done);
        }
        output::line(format_args!("{}", path.display()));
        output::line(format_args!("algorithm    {}", key.algorithm()));
        output::line(format_args!("fingerprint  {key}"));
        output::line(format_args!("public key:\n{}", key.to_pem().trim_end()));
        Ok(Exit::Done)
    }
}

/// The key to sign with: the one that was named, or the default one.
pub(crate) fn signing_key(named: Option<&Path>, host: &HostArgs) -> Result<PrivateKey> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => {
            let path = Settings::load(host, true)?.config.keys.value.join(DEFAULT_NAME);
            if !path.is_file() {
                return Err(fail!(
                    NotFound,
                    "there is no key `{}`: make it with `tidegate key new`, or name another one with `--key FILE`",
                    path.display()
                ));
            }
            path
        }
    };
    let (text, mode) = read(&path)?;
    if mode.is_some_and(|mode| mode & 0o077 != 0) {
        return Err(fail!(
            Usage,
            "the private key `{0}` can be read by others than its owner: run `chmod 600 {0}`, and make a new key if \
             somebody did",
            path.display()
        ));
    }
    let key = PrivateKey::from_pem(&text).with_context(|| format!("`{}` is no key to sign with", path.display()));
    key.blame(Exit::Usage)
}

/// `X.key` and `X.pem` have `X.pub` beside them; other names get it appended.
fn public_beside(private: &Path) -> PathBuf {
    if private.extension().is_some_and(|extension| extension == "key" || extension == "pem") {
        return private.with_extension("pub");
    }
    let mut name = private.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Writes a file that does not exist yet.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    match write() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(fail!(
            Usage,
            "`{}` exists, and keys are not overwritten: choose another name with `--out`",
            path.display()
        )),
        written => written.with_context(|| format!("cannot write `{}`", path.display())).blame(Exit::Usage),
    }
}

pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = match directory.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot list the key directory `{}`", directory.display()))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "key" || extension == "pub") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_private(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "key")
}

fn report(path: &Path, key: &Result<PublicKey>) -> Value {
    match key {
        Ok(key) => json!({
            "file": path,
            "private": is_private(path),
            "algorithm": key.algorithm().to_string(),
            "fingerprint": key.fingerprint(),
        }),
        Err(failure) => json!({ "file": path, "private": is_private(path), "problem": failure.text() }),
    }
}

/// A name for the signer, after the key's file.
fn signer_name(private: &Path) -> String {
    let stem = private.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_name = stem.parse::<tidegate::reference::ComponentName>().is_ok();
    if is_name && stem != "default" { stem } else { "NAME".to_owned() }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
