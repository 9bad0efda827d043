//! A namespace of a registry as a source of newer versions.

use anyhow::Context as _;
use tidegate::attestation::TrustRoot;
use tidegate::bundle::{Bundle, CodeTarget};
use tidegate::reference::{ComponentName, Reference};
use tidegate::source::Sourced;
use tidegate::{Fetched, Offer, Offering, SourceError, UpdateSource};
use tidegate_reference::OciReference;
use tidegate_source_oci::{Client, PullError, TransportError};

use crate::commands::add::remote::{choose, counting};
use crate::failure::{Result, fail};
use crate::remote::RemoteArgs;
use crate::settings::Settings;

/// Component `NAME` is in the repository `oci://HOST/NAMESPACE/NAME`.
pub(super) struct RegistrySource<'a> {
    client: Client,
    /// `oci://HOST/NAMESPACE`
    namespace: String,
    trust: &'a TrustRoot,
    /// What native code must be for, on a node that does not compile.
    native: Option<CodeTarget>,
}

impl<'a> RegistrySource<'a> {
    pub(super) fn new(settings: &Settings, remote: &RemoteArgs, from: &str, trust: &'a TrustRoot) -> Result<Self> {
        let namespace = from.trim_end_matches('/').to_owned();
        // Any name will do to see whether the rest is right.
        let Ok(example) = format!("{namespace}/name:latest").parse::<OciReference>() else {
            return Err(fail!(Usage, "`{from}` is no namespace of a registry: write `oci://HOST/NAMESPACE`"));
        };
        let client = remote.client(&settings.config, &example.registry)?;
        Ok(Self { client, namespace, trust, native: settings.native() })
    }

    async fn versions(&self, name: &ComponentName) -> anyhow::Result<Vec<Offer>> {
        let repository = format!("{}/{name}", self.namespace);
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
        let bytes = std::fs::read(&pulled.component).context("the component cannot be read back")?;
        let bundle = Bundle::new(bytes, Vec::new())?.with_origin(&offer.place);
        let counting = counting(&bundle, &pulled, self.trust);
        let mut native = None;
        if let (Some((_, verified)), Some(target)) = (&counting, self.native) {
            let codes = self.client.native(&offer.place.parse()?, pulled.manifest.digest, target.name()).await?;
            native = choose(verified, codes, &pulled, target, self.trust);
        }
        let counting = counting.map(|(signature, _)| signature);
        // One that does not count is kept too: verifying says what is wrong with it.
        let signature = counting.or(pulled.signatures.first()).cloned();
        let bundle = Bundle::new(bundle.bytes().clone(), signature.into_iter().collect())?.with_origin(&offer.place);
        Ok(Sourced { bundle, receipt: None, native: native.into_iter().collect() })
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
