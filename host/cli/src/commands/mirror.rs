//! `tidegate mirror`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use serde_json::json;
use tidegate::attestation::{PrivateKey, sign_index};
use tidegate::{Sources, StatePaths};
use tidegate_catalog::{Entry, Index, Release};
use tidegate_reference::{Digest, OciReference, RegistryHost, RepositoryName, Target};
use tidegate_source_oci::{Mirror as Folder, Mirrored, Shelf};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::key::signing_key;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output;
use crate::place::{key, mirror_failure as failure, pinned};
use crate::remote::{RemoteArgs, reference};
use crate::settings::Settings;

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// `tidegate mirror`.
#[derive(Debug, Subcommand)]
pub(crate) enum Mirror {
    /// Copies components from a registry into a folder, with signatures and attestations.
    Fetch(Fetch),
    /// Copies what is in a folder to a registry.
    Send(Send),
    /// Lists what is in a folder.
    List(List),
    /// Makes a folder's index anew, before it expires.
    Index(Reindex),
    /// Forgets how new the index of a registry or a mirror was, so that an older one is used again.
    Forget(Forget),
}

/// `tidegate mirror fetch`.
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// What to copy, `oci://HOST/NAME:VERSION`.
    #[arg(required = true, value_name = "oci://HOST/NAME:VERSION")]
    references: Vec<String>,
    /// The folder, a USB stick for example. What is there already stays.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    host: HostArgs,
}

/// How an index is made.
#[derive(Debug, Args)]
struct IndexArgs {
    /// For so long the folder's index is to be used.
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    days: u64,
    /// The private key to sign the index with.
    #[arg(long, value_name = "FILE")]
    index_key: Option<PathBuf>,
}

/// `tidegate mirror index`.
#[derive(Debug, Args)]
pub(crate) struct Reindex {
    /// The folder.
    folder: PathBuf,
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate mirror forget`.
#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// Which, as it was named: `oci://HOST`, a folder, or an address.
    #[arg(value_name = "oci://HOST|DIR|https://...")]
    place: String,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate mirror send`.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The folder.
    from: PathBuf,
    /// The registry, with what is to stand before every name: `oci://HOST` or `oci://HOST/PREFIX`.
    #[arg(value_name = "oci://HOST[/PREFIX]")]
    to: String,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate mirror list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The folder.
    from: PathBuf,
}

impl Mirror {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        match self {
            Self::Fetch(fetch) => fetch.run(json),
            Self::Send(send) => send.run(json),
            Self::List(list) => list.run(json),
            Self::Index(index) => index.run(json),
            Self::Forget(forget) => forget.run(json),
        }
    }
}

impl Fetch {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let folder = Folder::at(&self.to);
        let key = self.index.key(&folder, &self.host)?;
        let mut references = Vec::new();
        for text in &self.references {
            let reference = reference(text)?;
            let Target::Tag(tag) = reference.target.clone() else {
                return Err(fail!(Usage, "`{text}` names no version: a mirror keeps components by name and version"));
            };
            references.push((reference, tag));
        }
        let fetched = block_on(async {
            let mut fetched = Vec::new();
            for (reference, tag) in &references {
                let client = Arc::new(self.remote.client(&settings.config, &reference.registry)?);
                let exact = pinned(&settings, &client, reference.clone()).await?;
                fetched.push(folder.fetch(&client, &exact, tag).await.map_err(failure)?);
            }
            Ok(fetched)
        })?;
        let signers = signers(&settings, &self.to, &fetched)?;
        self.index.write(&folder, &signers, key.as_ref())?;
        report(&fetched, &format!("copied into {}", self.to.display()), json)?;
        if !json {
            output::line(format_args!("add there:  tidegate add --mirror {} NAME:VERSION", self.to.display()));
        }
        Ok(Exit::Done)
    }
}

/// Who signed what, as this node's policy sees it. What does not verify here is copied too, and stands in the index without
/// a signer: the node that adds it decides.
fn signers(settings: &Settings, folder: &Path, fetched: &[Mirrored]) -> Result<Vec<Entry>> {
    let policy = settings.policy()?;
    let trust = tidegate::trust_root(&policy.policy).blame(Exit::Usage)?;
    let shelf = Shelf::folder(folder);
    let mut entries = Vec::new();
    for component in fetched {
        let Ok(version) = component.tag.as_str().parse() else { continue };
        let temporary = tempfile::tempdir()?;
        let pulling = shelf.pull(&component.name, component.digest, temporary.path());
        let pulled = block_on(async { pulling.await.map_err(failure) })?;
        let bytes: std::sync::Arc<[u8]> = std::fs::read(&pulled.component)?.into();
        let verify = |signature: &Vec<u8>| {
            let bundle = tidegate::bundle::Bundle::new(bytes.clone(), vec![signature.clone()]).ok()?;
            tidegate::attestation::verify(bundle, &trust).ok()
        };
        let signer = pulled.signatures.iter().find_map(verify).map(|verified| verified.signer().to_string());
        let release = Release { version, digest: component.digest, signer, yanked: None, description: None };
        entries.push(Entry { name: component.name.clone(), releases: vec![release] });
    }
    Ok(entries)
}

impl IndexArgs {
    /// The key to sign with. An index that is signed stays so: whoever wants the signature would refuse another.
    fn key(&self, folder: &Folder, host: &HostArgs) -> Result<Option<PrivateKey>> {
        match &self.index_key {
            Some(file) => Ok(Some(signing_key(Some(file), host)?)),
            None if folder.is_signed().map_err(failure)? => {
                Err(fail!(Usage, "the index of this mirror is signed: name the key again with `--index-key FILE`"))
            }
            None => Ok(None),
        }
    }

    fn write(&self, folder: &Folder, known: &[Entry], key: Option<&PrivateKey>) -> Result<Index> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let index = folder.new_index(now, self.days.saturating_mul(DAY), known).map_err(failure)?;
        let bytes = index.to_json();
        let signature = key.map(|key| sign_index(Digest::of(&bytes), key)).transpose()?;
        folder.put_index(&bytes, signature.as_deref()).map_err(failure)?;
        Ok(index)
    }
}

impl Reindex {
    fn run(self, json: bool) -> Result<Exit> {
        let folder = Folder::at(&self.folder);
        let key = self.index.key(&folder, &self.host)?;
        let index = self.index.write(&folder, &[], key.as_ref())?;
        let count = index.components.len();
        if json {
            output::json(&json!({ "components": count, "expires": index.expires, "signed": key.is_some() }))?;
        } else {
            let signed = if key.is_some() { "signed, " } else { "" };
            output::line(format_args!("an index of {count} components, {signed}for {} days", self.index.days));
        }
        Ok(Exit::Done)
    }
}

impl Forget {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let place = key(&self.place)?;
        let state = &settings.config.state.value;
        StatePaths::open(state)?;
        if !Sources::open(state)?.forget(&place)? {
            return Err(fail!(NotFound, "no index of `{place}` was used here"));
        }
        if json {
            output::json(&json!({ "forgotten": place }))?;
        } else {
            output::line(format_args!("the next index of `{place}` is used, however old it is"));
        }
        Ok(Exit::Done)
    }
}

impl Send {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let (registry, prefix) = destination(&self.to)?;
        let client = self.remote.client(&settings.config, &registry)?;
        let folder = Folder::at(&self.from);
        let components = components(&folder)?;
        let sent = block_on(async {
            let mut sent = Vec::new();
            for component in &components {
                let name: RepositoryName = format!("{prefix}{}", component.name).parse().blame(Exit::Usage)?;
                let target = Target::Tag(component.tag.clone());
                let to = OciReference { registry: registry.clone(), name, target };
                sent.push(folder.send(&client, component, &to).await.map_err(failure)?);
            }
            Ok(sent)
        })?;
        report(&sent, &format!("copied to {}", self.to), json)?;
        Ok(Exit::Done)
    }
}

impl List {
    fn run(self, json: bool) -> Result<Exit> {
        let components = components(&Folder::at(&self.from))?;
        report(&components, "in the mirror", json)?;
        Ok(if components.is_empty() { Exit::NotFound } else { Exit::Done })
    }
}

/// The components of a mirror, without the lists under fallback tags.
fn components(folder: &Folder) -> Result<Vec<Mirrored>> {
    folder.components().map_err(failure)
}

/// `oci://HOST[/PREFIX]`.
fn destination(text: &str) -> Result<(RegistryHost, String)> {
    let rest = text.strip_prefix(OciReference::SCHEME);
    let rest =
        rest.ok_or_else(|| fail!(Usage, "`{text}` is no registry: write `oci://HOST` or `oci://HOST/PREFIX`"))?;
    let (host, prefix) = rest.trim_end_matches('/').split_once('/').unwrap_or((rest.trim_end_matches('/'), ""));
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    Ok((host.parse().blame(Exit::Usage)?, prefix))
}

fn report(components: &[Mirrored], what: &str, json: bool) -> Result<()> {
    if json {
        let list: Vec<_> = components
            .iter()
            .map(|one| json!({ "name": one.name, "version": one.tag, "digest": one.digest, "attached": one.attached }))
            .collect();
        return output::json(&json!({ "components": list }));
    }
    for Mirrored { name, tag, digest, attached } in components {
        output::line(format_args!("{name}:{tag}  {digest}, {attached} signatures and attestations"));
    }
    output::line(format_args!("{} components {what}", components.len()));
    Ok(())
}
