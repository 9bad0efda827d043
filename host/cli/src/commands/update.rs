//! `tidegate outdated` and `tidegate update`.

mod mirror;
mod registry;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tidegate::attestation::{TrustRoot, VerifiedBundle, verify};
use tidegate::bundle::NativeFile;
use tidegate::lock::{Lock, Locked, differences};
use tidegate::reference::Reference;
use tidegate::source::native_path;
use tidegate::{ControlReply, ControlRequest, DirectorySource, Newest, UpdateSource, newest, trust_root};
use tidegate_catalog::LAYOUT_FILE;

use self::mirror::MirrorSource;
use self::registry::RegistrySource;
use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::inspect::load_apart;
use crate::commands::lock::{asked, existing, locked, write};
use crate::commands::sign::with_suffix;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::node::{Load, Node, unexpected};
use crate::output::{self, Style, printable};
use crate::place::is_address;
use crate::remote::{RemoteArgs, is_reference};
use crate::settings::Settings;

/// `tidegate outdated`.
#[derive(Debug, Args)]
pub(crate) struct Outdated {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Names of components; none: all that are installed.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    /// Approve what differs, without being asked.
    #[arg(long)]
    approve: bool,
    #[command(flatten)]
    host: HostArgs,
}

/// Where newer versions are.
#[derive(Debug, Args)]
struct SourceArgs {
    /// A directory with newer versions, each with its signature beside it; a namespace of a registry; or a mirror, as a
    /// folder or where a web server has it.
    #[arg(long, value_name = "DIR|oci://HOST/NAMESPACE|https://...")]
    from: PathBuf,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// A newer version of an installed component.
struct Newer {
    current: Reference,
    place: String,
    verified: VerifiedBundle,
    native: Vec<NativeFile>,
}

impl Outdated {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let found = block_on(newer(&settings, &self.source, &[]))?;
        if json {
            output::json(&json!({ "outdated": found.iter().map(describe).collect::<Vec<_>>() }))?;
        } else if found.is_empty() {
            output::line("everything is as new as there");
        } else {
            for newer in &found {
                let (name, from) = (&newer.current.name, &newer.current.version);
                output::line(format_args!("{name} {from} -> {}  {}", newer.verified.reference().version, newer.place));
            }
        }
        Ok(Exit::Done)
    }
}

impl Update {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        block_on(async {
            let mut exit = Exit::Done;
            let mut updated = Vec::new();
            let found = newer(&settings, &self.source, &self.names).await?;
            if found.is_empty() && !json {
                output::line("everything is as new as there");
            }
            for newer in found {
                match self.update(&settings, &newer, json).await {
                    Ok(true) => updated.push(describe(&newer)),
                    Ok(false) => exit = exit.or(Exit::Refused),
                    Err(failure) => {
                        failure.print(json);
                        exit = exit.or(failure.exit());
                    }
                }
            }
            if json {
                output::json(&json!({ "updated": updated }))?;
            }
            Ok(exit)
        })
    }

    /// Shows what differs; approved, the lock is written first, and then the component is let in.
    async fn update(&self, settings: &Settings, newer: &Newer, json: bool) -> Result<bool> {
        let bundle = newer.verified.bundle();
        let entry = locked(load_apart(settings, bundle, None).await?)?;
        let path = &settings.config.lock.value;
        let lock = existing(path)?;
        let before = match &lock {
            Some(lock) => lock.get(newer.current.name.as_str()).cloned(),
            None => Some(installed(settings, &newer.current).await?),
        };
        let only = |entry: Option<Locked>| Lock::new(entry.into_iter().collect());
        let changed = differences(&only(before)?, &only(Some(entry.clone()))?);
        let approved = self.approve || (!json && asked(&changed)?);
        if !json {
            changed.iter().for_each(output::line);
        }
        if !approved {
            let style = Style::stderr();
            eprintln!(
                "{} `tidegate update {} --approve` approves this",
                style.bad("not approved:"),
                newer.current.name
            );
            return Ok(false);
        }
        if let Some(lock) = &lock {
            write(path, &lock.with(entry)?)?;
        }
        let added = add(settings, newer).await;
        if let (Err(_), Some(lock)) = (&added, &lock) {
            // What did not get in is not what runs.
            write(path, lock)?;
        }
        added?;
        if !json {
            output::line(Style::stdout().good(format_args!("updated to {}", newer.verified.reference())));
        }
        Ok(true)
    }
}

/// Installed components of which the source has a newer version that the policy believes.
async fn newer(settings: &Settings, from: &SourceArgs, names: &[String]) -> Result<Vec<Newer>> {
    let policy = settings.policy()?;
    let trust: TrustRoot = trust_root(&policy.policy).blame(Exit::Usage)?;
    let source: Box<dyn UpdateSource + '_> = match from.from.to_str() {
        Some(namespace) if is_reference(&from.from) => {
            Box::new(RegistrySource::open(settings, &from.remote, namespace, &trust).await?)
        }
        Some(place) if is_address(place) || from.from.join(LAYOUT_FILE).is_file() => {
            Box::new(MirrorSource::open(settings, &from.remote, place, &trust).await?)
        }
        _ if !from.from.is_dir() => {
            let place = from.from.display();
            return Err(fail!(
                NotFound,
                "there is no folder `{place}`: give a folder of components, a mirror's folder or address, or `oci://HOST/NAMESPACE`"
            ));
        }
        _ => Box::new(DirectorySource::new(&from.from, settings.native())),
    };
    let state = &settings.config.state.value;
    if !state.join("components").is_dir() {
        return Err(fail!(NotFound, "nothing is installed in `{}`: `tidegate add` installs", state.display()));
    }
    let mut installed = Vec::new();
    for listed in tidegate::source::Store::open(state)?.list(&[])? {
        let tidegate::source::Installed { entry, bundle, .. } = listed.installed?;
        // A local build has no signer.
        let signer = verify(bundle, &trust).ok().and_then(|verified| verified.signer().name().map(str::to_owned));
        installed.push((entry.reference, signer));
    }
    if let Some(unknown) =
        names.iter().find(|name| !installed.iter().any(|(one, _)| one.name.as_str() == name.as_str()))
    {
        return Err(fail!(NotFound, "there is no installed component `{}`", printable(unknown)));
    }
    installed.retain(|(one, _)| names.is_empty() || names.iter().any(|name| name == one.name.as_str()));
    let mut found = Vec::new();
    for (current, signer) in installed {
        let asked = newest(source.as_ref(), &current, signer.as_deref(), &trust).await;
        let (best, notes) = asked.map_err(|error| fail!(NotFound, "cannot ask `{}`: {error}", source.label()))?;
        for note in notes {
            eprintln!("{} {}", Style::stderr().warn("passed over:"), printable(&note));
        }
        if let Some(Newest { offer, verified, native }) = best {
            found.push(Newer { current, place: offer.place, verified, native });
        }
    }
    Ok(found)
}

/// What is installed now, where no lock says what was approved.
async fn installed(settings: &Settings, current: &Reference) -> Result<Locked> {
    let store = tidegate::source::Store::open(&settings.config.state.value)?;
    let found = store.get(&current.name, &[])?.ok_or_else(|| fail!(NotFound, "`{}` is gone", current.name))?;
    locked(load_apart(settings, &found.bundle, found.receipt.as_deref()).await?)
}

/// Lets the very bytes that were shown in: a file of the source may have changed since.
async fn add(settings: &Settings, newer: &Newer) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("component.wasm");
    let bundle = newer.verified.bundle();
    std::fs::write(&path, bundle.bytes())?;
    if let Some(signature) = bundle.signatures().first() {
        std::fs::write(signature_of(&path), signature)?;
    }
    for native in &newer.native {
        let path = native_path(&path, native.target());
        std::fs::write(&path, native.code())?;
        if let Some(signature) = native.signature() {
            std::fs::write(signature_of(&path), signature)?;
        }
    }
    match Node::open(settings, Load::Nothing).await?.ask(ControlRequest::Add { path }, |_| {}).await? {
        ControlReply::Added(_) => Ok(()),
        other => Err(unexpected(&other)),
    }
}

fn signature_of(path: &Path) -> PathBuf {
    with_suffix(path, tidegate::source::SIGNATURE_SUFFIX)
}

fn describe(newer: &Newer) -> Value {
    json!({
        "name": newer.current.name.as_str(),
        "from": newer.current.version.to_string(),
        "to": newer.verified.reference().version.to_string(),
        "place": newer.place,
    })
}
