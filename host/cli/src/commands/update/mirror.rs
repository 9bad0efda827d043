//! A mirror as a source of newer versions.

use anyhow::Context as _;
use tidegate::attestation::TrustRoot;
use tidegate::bundle::{Bundle, CodeTarget};
use tidegate::reference::{ComponentName, Reference};
use tidegate::source::Sourced;
use tidegate::{Fetched, Offer, Offering, SourceError, UpdateSource};
use tidegate_catalog::Index;
use tidegate_reference::{RepositoryName, Target};
use tidegate_source_oci::Pulled;

use crate::commands::add::remote::{choose, counting};
use crate::failure::{Result, fail};
use crate::place::{IndexedPlace, in_mirror};
use crate::remote::RemoteArgs;
use crate::settings::Settings;

/// Component `NAME` is in every repository whose last part is `NAME`; whose it is, its signature says.
pub(super) struct MirrorSource<'a> {
    place: IndexedPlace,
    index: Index,
    trust: &'a TrustRoot,
    /// What native code must be for, on a node that does not compile.
    native: Option<CodeTarget>,
}

impl<'a> MirrorSource<'a> {
    pub(super) async fn open(
        settings: &Settings,
        remote: &RemoteArgs,
        place: &str,
        trust: &'a TrustRoot,
    ) -> Result<Self> {
        let place = IndexedPlace::mirror(settings, remote, place)?;
        let index = place.index(settings).await?;
        Ok(Self { place, index, trust, native: settings.native() })
    }

    async fn pull(&self, offer: &Offer) -> Result<Sourced> {
        let folder = tempfile::tempdir().context("cannot make a folder for what is fetched")?;
        let (name, target) = in_mirror(&offer.place)?;
        let Target::Digest(digest) = target else { return Err(fail!(Host, "`{}` has no digest", offer.place)) };
        let pulled = self.place.pull(&name, digest, folder.path()).await?;
        let codes = self.place.native(&name, digest, self.native).await?;
        Ok(sourced(&pulled, codes, offer, self.trust, self.native)?)
    }
}

impl UpdateSource for MirrorSource<'_> {
    fn label(&self) -> String {
        self.place.key().to_owned()
    }

    fn offers<'a>(&'a self, name: &'a ComponentName) -> Offering<'a> {
        Box::pin(async move { Ok(offers(&self.index, name, |known| known.last() == name.as_str(), "")) })
    }

    fn fetch<'a>(&'a self, offer: &'a Offer) -> Fetched<'a> {
        Box::pin(async move { self.pull(offer).await.map_err(|failure| SourceError::from(failure.text())) })
    }
}

/// What an index has of a component, by digest. `place` stands before the digest where it is not the repository's name.
pub(super) fn offers(
    index: &Index,
    name: &ComponentName,
    is_wanted: impl Fn(&RepositoryName) -> bool,
    place: &str,
) -> Vec<Offer> {
    let entries = index.components.iter().filter(|entry| is_wanted(&entry.name));
    let releases = entries.flat_map(|entry| entry.releases.iter().map(move |release| (&entry.name, release)));
    let offer = |(repository, release): (&RepositoryName, &tidegate_catalog::Release)| {
        let reference = Reference { name: name.clone(), version: release.version.clone() };
        let place = if place.is_empty() { repository.as_str() } else { place };
        Offer { reference, place: format!("{place}@{}", release.digest) }
    };
    releases.filter(|(_, release)| release.yanked.is_none()).map(offer).collect()
}

/// What was pulled, with the signature that counts, and with native code if some is wanted.
pub(super) fn sourced(
    pulled: &Pulled,
    codes: Vec<Vec<u8>>,
    offer: &Offer,
    trust: &TrustRoot,
    target: Option<CodeTarget>,
) -> anyhow::Result<Sourced> {
    let bytes = std::fs::read(&pulled.component).context("the component cannot be read back")?;
    let bundle = Bundle::new(bytes, Vec::new())?.with_origin(&offer.place);
    let counting = counting(&bundle, pulled, trust);
    let native = match (&counting, target) {
        (Some((_, verified)), Some(target)) => choose(verified, codes, pulled, target, trust),
        _ => None,
    };
    let counting = counting.map(|(signature, _)| signature);
    // One that does not count is kept too: verifying says what is wrong with it.
    let signature = counting.or(pulled.signatures.first()).cloned();
    let bundle = Bundle::new(bundle.bytes().clone(), signature.into_iter().collect())?.with_origin(&offer.place);
    Ok(Sourced { bundle, receipt: None, native: native.into_iter().collect() })
}
