//! What is about a manifest: by the referrers API, or by the list under the fallback tag where there is none.

use http::Method;
use http::StatusCode;
use http::header::ACCEPT;
use tidegate_catalog::{Descriptor, IMAGE_INDEX, MAX_MANIFEST_BYTES, Referrers, fallback_tag};
use tidegate_reference::{Digest, OciReference};

use crate::auth::{encode, scope};
use crate::client::Client;
use crate::error::PullError;
use crate::exchange::Request;
use crate::pull::next_page;

/// Most entries of a list that are looked at, and pages: whoever may push can make it as long as they like.
const MAX_ENTRIES: usize = 1_000;
const MAX_PAGES: usize = 10;

/// A list, perhaps not as long as it is.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) descriptors: Vec<Descriptor>,
    /// Whether there was more.
    pub(crate) truncated: bool,
}

impl Client {
    /// What is about `subject`, of one artifact type where one is given.
    pub(crate) async fn referrers(
        &self,
        reference: &OciReference,
        subject: Digest,
        kind: Option<&str>,
    ) -> Result<List, PullError> {
        let mut url = self.origin(&reference.registry).url(&reference.name, &format!("referrers/{subject}"));
        if let Some(kind) = kind {
            url = url.with_query(&format!("artifactType={}", encode(kind)));
        }
        let mut list = List::default();
        for page in 0..MAX_PAGES {
            let request = Request::new(Method::GET, url.clone()).header(ACCEPT, IMAGE_INDEX);
            let answer = self.send(request.scope(scope(&reference.name, &Method::GET))).await?;
            // Some registries without the API know nothing of the path, others not of the method.
            let unknown = matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
            if page == 0 && unknown {
                return Ok(self.fallback(reference, subject).await?.unwrap_or_default().only(kind));
            }
            let answer = answer.checked().await?;
            let next = next_page(&answer, &url);
            let bytes = answer.bytes(MAX_MANIFEST_BYTES).await?;
            list.add(Referrers::read(&bytes).map_err(|source| wrong(subject, source))?);
            match next {
                Some(_) if list.truncated => break,
                Some(next) => url = next,
                None => return Ok(list.only(kind)),
            }
        }
        list.truncated = true;
        Ok(list.only(kind))
    }

    /// The list under the fallback tag; nothing if there is none.
    pub(crate) async fn fallback(&self, reference: &OciReference, subject: Digest) -> Result<Option<List>, PullError> {
        let path = format!("manifests/{}", fallback_tag(&subject));
        let url = self.origin(&reference.registry).url(&reference.name, &path);
        let request = Request::new(Method::GET, url).header(ACCEPT, IMAGE_INDEX);
        let answer = self.send(request.scope(scope(&reference.name, &Method::GET))).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let bytes = answer.checked().await?.bytes(MAX_MANIFEST_BYTES).await?;
        let mut list = List::default();
        list.add(Referrers::read(&bytes).map_err(|source| wrong(subject, source))?);
        Ok(Some(list))
    }
}

fn wrong(subject: Digest, source: tidegate_catalog::ArtifactError) -> PullError {
    PullError::Artifact { reference: format!("the list of what is attached to {subject}"), source }
}

impl List {
    fn add(&mut self, page: Referrers) {
        let room = MAX_ENTRIES.saturating_sub(self.descriptors.len());
        self.truncated |= page.manifests.len() > room;
        self.descriptors.extend(page.manifests.into_iter().take(room));
    }

    /// Not every registry filters.
    fn only(mut self, kind: Option<&str>) -> Self {
        if let Some(kind) = kind {
            self.descriptors.retain(|descriptor| descriptor.artifact_type.as_deref() == Some(kind));
        }
        self
    }
}
