//! Registries and mirrors by their index: which components there are, in which versions, with which digests. An index is
//! used if it has not expired, is not older than one that was used before, and, where the configuration names a key for its
//! source, is signed with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use tidegate::attestation::verify_index;
use tidegate::bundle::CodeTarget;
use tidegate::reference::Digest;
use tidegate::{Sources, SourcesError, StatePaths};
use tidegate_catalog::{Index, IndexError};
use tidegate_reference::{OciReference, RegistryHost, RepositoryName, Tag, Target, Version};
use tidegate_source_oci::{Client, MirrorError, Pulled, PushError, Shelf, mirror_address, mirror_host};

use crate::commands::key::public_key;
use crate::failure::{Blame as _, Exit, Failure, Result, fail};
use crate::output::printable;
use crate::remote::{RemoteArgs, pull_failure, transport_exit};
use crate::settings::Settings;

/// A registry or a mirror with an index.
#[derive(Debug)]
pub(crate) struct IndexedPlace {
    /// The one way in which it is written.
    key: String,
    shelf: Shelf,
}

impl IndexedPlace {
    /// A mirror: its folder, or the address at which a web server has it.
    pub(crate) fn mirror(settings: &Settings, remote: &RemoteArgs, text: &str) -> Result<Self> {
        let key = key(text)?;
        let shelf = match is_address(text) {
            true => {
                let failed = |error| Failure::new(transport_exit(&error), error);
                let host = mirror_host(text).map_err(failed)?;
                let client = Arc::new(remote.client(&settings.config, &host)?);
                Shelf::web(client, text).map_err(failed)?
            }
            false => Shelf::folder(Path::new(&key)),
        };
        Ok(Self { key, shelf })
    }

    /// A registry of ours.
    pub(crate) fn registry(client: Arc<Client>, registry: &RegistryHost) -> Self {
        Self { key: registry_key(registry), shelf: Shelf::registry(client, registry) }
    }

    /// How it is written.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The key that its index must be signed with, if the configuration names one.
    fn signed_by(&self, settings: &Settings) -> Result<Option<PathBuf>> {
        for source in &settings.config.sources.value {
            if key(&source.place)? == self.key {
                return Ok(Some(source.index_key.clone()));
            }
        }
        Ok(None)
    }

    /// Whether the configuration names a key for it.
    pub(crate) fn is_signed(&self, settings: &Settings) -> Result<bool> {
        Ok(self.signed_by(settings)?.is_some())
    }

    /// The index, if it is to be used. From then on no older one is.
    pub(crate) async fn index(&self, settings: &Settings) -> Result<Index> {
        let bytes = self.shelf.index().await.map_err(mirror_failure)?;
        if let Some(file) = self.signed_by(settings)? {
            let key = public_key(&file)?;
            let digest = Digest::of(&bytes);
            let signature = self.shelf.signature(&digest).await.map_err(mirror_failure)?;
            let signature = signature.ok_or_else(|| {
                fail!(
                    Refused,
                    "the index of `{}` is not signed, and the configuration names a key for it, `{}`: it was changed, or its \
                     keeper signs no more",
                    self.key,
                    file.display()
                )
            })?;
            let verified = verify_index(digest, &signature, &key);
            verified.with_context(|| format!("the index of `{}` is not used", self.key)).blame(Exit::Refused)?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let index = Index::parse(&bytes, now).map_err(|error| {
            let exit = match error {
                IndexError::Expired(_) | IndexError::Future(_) => Exit::Refused,
                _ => Exit::Usage,
            };
            Failure::new(exit, anyhow::Error::new(error).context(format!("the index of `{}` is not used", self.key)))
        })?;
        let state = &settings.config.state.value;
        StatePaths::open(state)?;
        Sources::open(state).and_then(|sources| sources.check_and_raise(&self.key, index.created)).map_err(
            |error| {
                let exit = if matches!(error, SourcesError::Older { .. }) { Exit::Refused } else { Exit::Host };
                Failure::new(exit, error)
            },
        )?;
        Ok(index)
    }

    /// The manifest that a version is, as the index says; a digest is what it is.
    pub(crate) async fn resolve(&self, settings: &Settings, name: &RepositoryName, target: &Target) -> Result<Digest> {
        let tag = match target {
            Target::Digest(digest) => return Ok(*digest),
            Target::Tag(tag) => tag,
        };
        let index = self.index(settings).await?;
        let version = version(tag);
        let release = version.as_ref().and_then(|version| index.release(name, version));
        let Some(release) = release else {
            return Err(fail!(NotFound, "the index of `{}` has no `{name}:{tag}`", self.key));
        };
        match &release.yanked {
            Some(reason) => Err(fail!(
                NotFound,
                "`{name}:{tag}` was yanked ({}); whoever needs it nevertheless takes it by its digest, `{name}@{}`",
                printable(if reason.is_empty() { "no reason was given" } else { reason }),
                release.digest
            )),
            None => Ok(release.digest),
        }
    }

    /// A component of a mirror, into a file in `folder`.
    pub(crate) async fn pull(&self, name: &RepositoryName, digest: Digest, folder: &Path) -> Result<Pulled> {
        self.shelf.pull(name, digest, folder).await.map_err(mirror_failure)
    }

    /// Native code of a component of a mirror; none where no target is wanted.
    pub(crate) async fn native(
        &self,
        name: &RepositoryName,
        digest: Digest,
        target: Option<CodeTarget>,
    ) -> Result<Vec<Vec<u8>>> {
        match target {
            Some(target) => self.shelf.native(name, digest, target.name()).await.map_err(mirror_failure),
            None => Ok(Vec::new()),
        }
    }
}

/// A reference as it was typed, or, where the configuration names a key for the registry, by the digest that its signed
/// index has for it: the registry's tags are asked no more then.
pub(crate) async fn pinned(settings: &Settings, client: &Arc<Client>, reference: OciReference) -> Result<OciReference> {
    let place = IndexedPlace::registry(Arc::clone(client), &reference.registry);
    if !place.is_signed(settings)? {
        return Ok(reference);
    }
    let digest = place.resolve(settings, &reference.name, &reference.target).await?;
    Ok(reference.with_target(Target::Digest(digest)))
}

/// The version that a tag is in an index.
fn version(tag: &Tag) -> Option<Version> {
    tag.as_str().parse().ok()
}

/// Whether a place is the address of a web server.
pub(crate) fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// The one way in which a place is written, so that it is known again.
pub(crate) fn key(text: &str) -> Result<String> {
    if is_address(text) {
        return mirror_address(text).map_err(|error| Failure::new(Exit::Usage, error));
    }
    match text.strip_prefix(OciReference::SCHEME) {
        Some(host) => Ok(registry_key(&host.trim_end_matches('/').parse().blame(Exit::Usage)?)),
        None => {
            let path = std::path::absolute(text)?;
            // One folder has one key, whatever leads to it.
            Ok(path.canonicalize().unwrap_or(path).display().to_string())
        }
    }
}

fn registry_key(registry: &RegistryHost) -> String {
    let shown = registry.to_string();
    format!("{}{}", OciReference::SCHEME, shown.strip_suffix(":443").unwrap_or(&shown))
}

/// `NAME:VERSION` or `NAME@DIGEST`, or a whole registry reference: where it came from does not matter to a mirror.
pub(crate) fn in_mirror(text: &str) -> Result<(RepositoryName, Target)> {
    let whole = match text.starts_with(OciReference::SCHEME) {
        true => text.to_owned(),
        false => format!("{}mirror/{text}", OciReference::SCHEME),
    };
    let reference = crate::remote::reference(&whole)?;
    Ok((reference.name, reference.target))
}

/// Whose fault it is that a mirror gave nothing.
pub(crate) fn mirror_failure(error: MirrorError) -> Failure {
    match error {
        MirrorError::Pull(error) => pull_failure(error),
        MirrorError::Push(PushError::Transport(error)) => Failure::new(transport_exit(&error), error),
        error @ (MirrorError::Damaged { .. } | MirrorError::Artifact { .. }) => Failure::new(Exit::Refused, error),
        error @ (MirrorError::NoMirror { .. } | MirrorError::Incomplete { .. }) => Failure::new(Exit::NotFound, error),
        error @ MirrorError::Layout { .. } => Failure::new(Exit::Usage, error),
        error => Failure::new(Exit::Host, error),
    }
}
