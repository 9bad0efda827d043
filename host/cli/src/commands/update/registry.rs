//! A namespace of a registry as a source of newer versions.

use std::sync::Arc;

use anyhow::Context as _;
use tidegate::attestation::TrustRoot;
use tidegate::bundle::CodeTarget;
use tidegate::reference::{ComponentName, Reference};
use tidegate::source::Sourced;
use tidegate::{Fetched, Offer, Offering, SourceError, UpdateSource};
use tidegate_catalog::Index;
use tidegate_reference::OciReference;
use tidegate_source_oci::{Client, PullError, TransportError};

use super::mirror::{offers, sourced};
use crate::failure::{Result, fail};
use crate::place::IndexedPlace;
use crate::remote::RemoteArgs;
use crate::settings::Settings;

/// Component `NAME` is in the repository `oci://HOST/NAMESPACE/NAME`.
pub(super) struct RegistrySource<'a> {
    client: Arc<Client>,
    /// Its index, where the configuration names a key for it: then tags are not asked.
    index: Option<Index>,
    /// `oci://HOST/NAMESPACE`
    namespace: String,
    trust: &'a TrustRoot,
    /// What native code must be for, on a node that does not compile.
    native: Option<CodeTarget>,
}

impl<'a> RegistrySource<'a> {
    pub(super) async fn open(
        settings: &Settings,
        remote: &RemoteArgs,
        from: &str,
        trust: &'a TrustRoot,
    ) -> Result<Self> {
        let namespace = from.trim_end_matches('/').to_owned();
        // Any name will do to see whether the rest is right.
        let Ok(example) = format!("{namespace}/name:latest").parse::<OciReference>() else {
            return Err(fail!(Usage, "`{from}` is no namespace of a registry: write `oci://HOST/NAMESPACE`"));
        };
        let client = Arc::new(remote.client(&settings.config, &example.registry)?);
        let place = IndexedPlace::registry(Arc::clone(&client), &example.registry);
        let index = if place.is_signed(settings)? { Some(place.index(settings).await?) } else { None };
        Ok(Self { client, index, namespace, trust, native: settings.native() })
    }

    async fn versions(&self, name: &ComponentName) -> anyhow::Result<Vec<Offer>> {
        let repository = format!("{}/{name}", self.namespace);
        if let Some(index) = &self.index {
            let example: OciReference = format!("{repository}:latest").parse()?;
            return Ok(offers(index, name, |known| *known == example.name, &repository));
        }
        let tags = match self.client.tags(&format!("{repository}:latest").parse()?).await {
            // Not every component of a node comes from there.
            Err(PullError::Transport(TransportError::NotFound { .. })) => return Ok(Vec::new()),
            tags => tags?,
        };
        let offers = tags.iter().filter_map(|tag| {
            let reference = Reference { name: name.clone(), version: tag.semver()?.to_string().parse().ok()? };
            Some(Offer { reference, place: format!("{repository}:{tag}") })
        });
        Ok(offers.collect())
    }

    async fn pull(&self, offer: &Offer) -> anyhow::Result<Sourced> {
        let folder = tempfile::tempdir().context("cannot make a folder for what is fetched")?;
        let pulled = self.client.pull(&offer.place.parse()?, folder.path()).await?;
        let codes = match self.native {
            Some(target) => self.client.native(&offer.place.parse()?, pulled.manifest.digest, target.name()).await?,
            None => Vec::new(),
        };
        sourced(&pulled, codes, offer, self.trust, self.native)
    }
}

impl UpdateSource for RegistrySource<'_> {
    fn label(&self) -> String {
        self.namespace.clone()
    }

    fn offers<'a>(&'a self, name: &'a ComponentName) -> Offering<'a> {
        Box::pin(async move { self.versions(name).await.map_err(SourceError::from) })
    }

    fn fetch<'a>(&'a self, offer: &'a Offer) -> Fetched<'a> {
        Box::pin(async move { self.pull(offer).await.map_err(SourceError::from) })
    }
}
