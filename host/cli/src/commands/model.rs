//! `tidegate model`.

mod show;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use tidegate::bundle::{MODEL_MANIFEST, ModelManifest, ModelStatement};
use tidegate::source::{ModelFolder, SIGNATURE_SUFFIX};
use tidegate::{ControlReply, ControlRequest};
use tidegate_commands::node::unexpected;

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::sign::{with_suffix, write_atomically};
use crate::commands::signer::Signer;
use crate::failure::{Blame as _, Exit, Result};
use crate::node::{Load, Node};
use crate::output;
use crate::settings::Settings;

/// `tidegate model`.
#[derive(Debug, Subcommand)]
pub(crate) enum Model {
    /// Verifies models and keeps them, for components that the policy grants them to.
    Add(Add),
    /// Lists models: signer, variants, and what is in memory.
    List(List),
    /// Shows what a model is: its manifest, and what a backend reads in its file.
    Inspect(Inspect),
    /// Takes models out; who works with one may finish.
    Remove(Remove),
}

/// `tidegate model add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Folders of models, each with its `model.toml`, the signature beside it, and the files it names.
    #[arg(required = true, value_name = "FOLDER")]
    models: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate model list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate model inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The model's name.
    name: String,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate model remove`.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Names of models, as `tidegate model list` shows them.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
}

impl Model {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        match self {
            Self::Add(add) => add.run(json),
            Self::List(list) => list.run(json),
            Self::Inspect(inspect) => inspect.run(json),
            Self::Remove(remove) => remove.run(json),
        }
    }
}

impl Add {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let (mut exit, mut added) = (Exit::Done, Vec::new());
        for path in &self.models {
            let one = async {
                // A running host has a working directory of its own.
                let path = std::path::absolute(path)?;
                match ask(&settings, Load::Nothing, ControlRequest::ModelAdd { path }).await? {
                    ControlReply::ModelAdded(report) => Ok(*report),
                    other => Err(unexpected(&other)),
                }
            };
            match block_on(one) {
                Ok(report) => {
                    if !json {
                        show::added(&report);
                    }
                    added.push(report);
                }
                Err(failure) => {
                    failure.print(json);
                    exit = exit.or(failure.exit());
                }
            }
        }
        if json {
            output::json(&json!({ "added": added }))?;
        }
        Ok(exit)
    }
}

impl List {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let listing = block_on(async {
            match ask(&settings, Load::Nothing, ControlRequest::ModelList).await? {
                ControlReply::Models(listing) => Ok(*listing),
                other => Err(unexpected(&other)),
            }
        })?;
        if json {
            output::json(&listing)?;
        } else {
            show::list(&listing);
        }
        Ok(Exit::Done)
    }
}

impl Inspect {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let details = block_on(async {
            let request = ControlRequest::ModelInspect { name: self.name.clone() };
            match ask(&settings, Load::Everything(&[]), request).await? {
                ControlReply::Model(details) => Ok(*details),
                other => Err(unexpected(&other)),
            }
        })?;
        if json {
            output::json(&details)?;
        } else {
            show::details(&details);
        }
        Ok(Exit::Done)
    }
}

impl Remove {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let (mut exit, mut removed) = (Exit::Done, Vec::new());
        for name in &self.names {
            let one = async {
                match ask(&settings, Load::Nothing, ControlRequest::ModelRemove { name: name.clone() }).await? {
                    ControlReply::Removed => Ok(()),
                    other => Err(unexpected(&other)),
                }
            };
            match block_on(one) {
                Ok(()) => {
                    if !json {
                        output::line(format_args!("removed {name}; who works with it may finish"));
                    }
                    removed.push(name);
                }
                Err(failure) => {
                    failure.print(json);
                    exit = exit.or(failure.exit());
                }
            }
        }
        if json {
            output::json(&json!({ "removed": removed }))?;
        }
        Ok(exit)
    }
}

async fn ask(settings: &Settings, load: Load<'_>, request: ControlRequest) -> Result<ControlReply> {
    Node::open(settings, load).await?.ask(request, |_| {}).await
}

/// Whether a path names a model: its folder, or the manifest in it.
pub(crate) fn is_model(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == MODEL_MANIFEST) || path.join(MODEL_MANIFEST).is_file()
}

/// Signs a model: hashes every file that its manifest names, and writes the signature beside the manifest.
pub(crate) fn sign(path: &Path, signer: &Signer) -> Result<serde_json::Value> {
    let folder = ModelFolder::read(path).blame(Exit::NotFound)?;
    let manifest = ModelManifest::from_bytes(&folder.manifest).blame(Exit::Usage)?;
    let digest =
        |file: &str| Ok::<_, crate::failure::Failure>((file.to_owned(), folder.digest(file).blame(Exit::Usage)?));
    let mut files = manifest.all_files().into_iter().map(digest).collect::<Result<Vec<_>>>()?;
    files.push((MODEL_MANIFEST.to_owned(), tidegate::reference::Digest::of(&folder.manifest)));
    files.sort();
    let statement = ModelStatement { subject: manifest.reference().to_string(), files };
    let signed = signer.sign(statement.to_json())?;
    let to = with_suffix(&folder.folder.join(MODEL_MANIFEST), SIGNATURE_SUFFIX);
    write_atomically(&to, &signed.file)?;
    Ok(json!({
        "component": path,
        "reference": manifest.reference().to_string(),
        "digest": statement.digest().to_string(),
        "signature": to,
        "fingerprint": signed.fingerprint,
    }))
}
