//! Publishing: blobs, a manifest, and what is attached to it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, LOCATION, RANGE};
use http::{Method, StatusCode};
use tidegate_catalog::{
    Descriptor, EMPTY_JSON, EMPTY_TYPE, IMAGE_INDEX, IMAGE_MANIFEST, Referrers, attached, fallback_tag,
};
use tidegate_reference::{Digest, OciReference, RepositoryName, Target};
use tokio::time::sleep;

use crate::auth::scope;
use crate::client::Client;
use crate::error::{PushError, TransportError};
use crate::exchange::Request;
use crate::url::Url;

/// Bytes that are sent in one request: what is lost when a connection breaks, and what is held in memory.
const CHUNK: u64 = 8 << 20;
/// Attempts at one chunk.
const ATTEMPTS: u32 = 5;
/// Rest before asking how much has arrived.
const REST: Duration = Duration::from_millis(250);
const DIGEST_HEADER: HeaderName = HeaderName::from_static("docker-content-digest");
const SUBJECT_HEADER: HeaderName = HeaderName::from_static("oci-subject");

/// The bytes of a blob.
#[derive(Debug, Clone)]
pub enum Source {
    /// In memory.
    Bytes(Bytes),
    /// In a file.
    File(PathBuf),
}

/// Something to be attached to a manifest.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its media type, which becomes the artifact's type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// Texts for people and tools.
    pub annotations: BTreeMap<String, String>,
}

/// What a registry keeps now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The component's manifest.
    pub digest: Digest,
    /// The manifests of what is attached to it.
    pub attached: Vec<Digest>,
}

impl Client {
    /// Publishes a manifest with its blobs, then what is attached, then the tag: nobody finds a component without its
    /// signature. A reference by digest sets no tag.
    ///
    /// # Errors
    /// As [`PushError`] says; what was sent before stays, and is used when it is tried again.
    pub async fn publish(
        &self,
        reference: &OciReference,
        blobs: &[(Descriptor, Source)],
        manifest: &Bytes,
        attachments: &[Attachment],
    ) -> Result<Published, PushError> {
        for (descriptor, source) in blobs {
            self.push_blob(reference, descriptor, source.clone()).await?;
        }
        let descriptor = Descriptor::of(IMAGE_MANIFEST, manifest);
        let pinned = reference.with_target(Target::Digest(descriptor.digest));
        self.push_manifest(&pinned, IMAGE_MANIFEST, manifest).await?;
        let mut attached = Vec::new();
        for attachment in attachments {
            attached.push(self.attach(&pinned, &descriptor, attachment).await?);
        }
        if let Target::Tag(_) = reference.target {
            self.push_manifest(reference, IMAGE_MANIFEST, manifest).await?;
        }
        Ok(Published { digest: descriptor.digest, attached })
    }

    /// Attaches something to a manifest.
    async fn attach(
        &self,
        reference: &OciReference,
        subject: &Descriptor,
        attachment: &Attachment,
    ) -> Result<Digest, PushError> {
        let layer = Descriptor::of(&attachment.media_type, &attachment.bytes);
        self.push_blob(reference, &layer, Source::Bytes(attachment.bytes.clone())).await?;
        let empty = Descriptor::of(EMPTY_TYPE, EMPTY_JSON);
        self.push_blob(reference, &empty, Source::Bytes(Bytes::from_static(EMPTY_JSON))).await?;
        let manifest = Bytes::from(attached(subject.clone(), layer, attachment.annotations.clone()));
        let mut descriptor = Descriptor::of(IMAGE_MANIFEST, &manifest);
        descriptor.artifact_type = Some(attachment.media_type.clone());
        descriptor.annotations = attachment.annotations.clone();
        self.push_attached(reference, subject.digest, &descriptor, &manifest).await?;
        Ok(descriptor.digest)
    }

    /// Pushes a manifest that is about another, and notes it in the list under the fallback tag where the registry does not
    /// say that it has noticed.
    pub(crate) async fn push_attached(
        &self,
        reference: &OciReference,
        subject: Digest,
        descriptor: &Descriptor,
        manifest: &Bytes,
    ) -> Result<(), PushError> {
        let pinned = reference.with_target(Target::Digest(descriptor.digest));
        if self.push_manifest(&pinned, IMAGE_MANIFEST, manifest).await? {
            return Ok(());
        }
        let list = self.fallback(reference, subject).await.map_err(PushError::Pull)?;
        let mut manifests = list.unwrap_or_default().descriptors;
        if manifests.iter().any(|known| known.digest == descriptor.digest) {
            return Ok(());
        }
        manifests.push(descriptor.clone());
        let list = Bytes::from(Referrers::new(manifests).to_json());
        // 71 letters, digits and a `-`: a tag.
        let Ok(tag) = fallback_tag(&subject).parse() else { return Ok(()) };
        self.push_manifest(&reference.with_target(Target::Tag(tag)), IMAGE_INDEX, &list).await?;
        Ok(())
    }

    /// Gives whether the registry has noticed what the manifest is about.
    pub(crate) async fn push_manifest(
        &self,
        reference: &OciReference,
        media_type: &str,
        manifest: &Bytes,
    ) -> Result<bool, PushError> {
        let target = match &reference.target {
            Target::Tag(tag) => tag.to_string(),
            Target::Digest(digest) => digest.to_string(),
        };
        let url = self.origin(&reference.registry).url(&reference.name, &format!("manifests/{target}"));
        let request = Request::new(Method::PUT, url).header(CONTENT_TYPE, media_type).body(manifest.clone());
        let answer = self.send(request.scope(scope(&reference.name, &Method::PUT))).await?.checked().await?;
        let (sent, found) = (Digest::of(manifest), answer.header(&DIGEST_HEADER).to_owned());
        if !found.is_empty() && found != sent.to_string() {
            return Err(PushError::OtherDigest { sent, found: found.chars().take(100).collect() });
        }
        Ok(!answer.header(&SUBJECT_HEADER).is_empty())
    }

    /// Pushes a blob, unless the registry has it.
    ///
    /// # Errors
    /// The network or the registry.
    pub async fn push_blob(
        &self,
        reference: &OciReference,
        blob: &Descriptor,
        source: Source,
    ) -> Result<(), PushError> {
        let origin = self.origin(&reference.registry);
        let known = origin.url(&reference.name, &format!("blobs/{}", blob.digest));
        let asked = Request::new(Method::HEAD, known).scope(scope(&reference.name, &Method::PUT));
        if self.send(asked).await?.status == StatusCode::OK {
            return Ok(());
        }
        let begin = origin.url(&reference.name, "blobs/uploads/");
        let upload = self.location(Request::new(Method::POST, begin.clone()), &reference.name, &begin).await?;
        self.fill(&reference.name, upload, blob, source).await
    }

    /// Gives a repository a blob that another of the same registry has; false: the registry wants the bytes.
    ///
    /// # Errors
    /// The network or the registry.
    pub async fn mount_blob(
        &self,
        reference: &OciReference,
        from: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, PushError> {
        let url = self.origin(&reference.registry).url(&reference.name, "blobs/uploads/");
        let url = url.with_query(&format!("mount={digest}&from={from}"));
        let request = Request::new(Method::POST, url.clone()).scope(scope(&reference.name, &Method::PUT));
        let answer = self.send(request).await?.checked().await?;
        let mounted = answer.status == StatusCode::CREATED;
        if let (false, Ok(upload)) = (mounted, url.join(answer.header(&LOCATION))) {
            // An upload has begun instead, which nobody continues.
            let cancel = Request::new(Method::DELETE, upload).scope(scope(&reference.name, &Method::PUT));
            let _ = self.send(cancel).await;
        }
        Ok(mounted)
    }

    /// Sends the bytes, chunk by chunk, and closes the upload.
    async fn fill(
        &self,
        name: &RepositoryName,
        mut upload: Url,
        blob: &Descriptor,
        source: Source,
    ) -> Result<(), PushError> {
        let mut sent = 0;
        while blob.size > CHUNK && sent < blob.size {
            (upload, sent) = self.chunk(name, upload, blob, &source, sent).await?;
        }
        let rest = read(&source, sent, blob.size.saturating_sub(sent)).await?;
        let url = upload.with_query(&format!("digest={}", blob.digest));
        let request = Request::new(Method::PUT, url).header(CONTENT_TYPE, "application/octet-stream").body(rest);
        self.send(request.scope(scope(name, &Method::PUT))).await?.checked().await?;
        Ok(())
    }

    /// Sends one chunk from `at` on. Gives where the upload goes on, and how much has arrived.
    async fn chunk(
        &self,
        name: &RepositoryName,
        upload: Url,
        blob: &Descriptor,
        source: &Source,
        at: u64,
    ) -> Result<(Url, u64), PushError> {
        let mut rest = REST;
        for attempt in 1.. {
            let chunk = read(source, at, CHUNK.min(blob.size.saturating_sub(at))).await?;
            let end = at.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            let request = Request::new(Method::PATCH, upload.clone())
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_RANGE, format!("{at}-{}", end.saturating_sub(1)))
                .body(chunk);
            match self.location(request, name, &upload).await {
                Ok(next) => return Ok((next, end)),
                Err(TransportError::Broken { .. } | TransportError::Timeout { .. }) if attempt < ATTEMPTS => {}
                Err(TransportError::Status { status: 408 | 416 | 500..=599, .. }) if attempt < ATTEMPTS => {}
                Err(error) => return Err(error.into()),
            }
            sleep(rest).await;
            rest *= 2;
            if let Some(arrived) = self.arrived(name, &upload).await?
                && arrived > at
                && arrived <= blob.size
            {
                return Ok((upload, arrived));
            }
        }
        Ok((upload, at))
    }

    /// How many bytes of an upload have arrived.
    async fn arrived(&self, name: &RepositoryName, upload: &Url) -> Result<Option<u64>, TransportError> {
        let request = Request::new(Method::GET, upload.clone()).scope(scope(name, &Method::PUT));
        let answer = self.send(request).await?.checked().await?;
        let last = answer.header(&RANGE).split_once('-').and_then(|(_, last)| last.parse::<u64>().ok());
        // `0-0` is what registries say of nothing; one byte would be sent again, which they refuse and tell.
        Ok(last.map(|last| if last == 0 { 0 } else { last + 1 }))
    }

    /// Where an upload goes on. The registry's own address only: what is uploaded goes nowhere else.
    async fn location(&self, request: Request, name: &RepositoryName, here: &Url) -> Result<Url, TransportError> {
        let answer = self.send(request.scope(scope(name, &Method::PUT))).await?.checked().await?;
        let to = answer.header(&LOCATION).to_owned();
        let refused = |why| TransportError::Redirect { from: here.origin.shown(), to: to.clone(), why };
        let mut next = here.join(&to).map_err(refused)?;
        if next.origin.registry != here.origin.registry {
            return Err(refused("what is uploaded goes to the registry itself and nowhere else"));
        }
        // Behind a proxy with the certificate, registries write `http` although we came by TLS.
        next.origin.tls = here.origin.tls;
        Ok(next)
    }
}

/// A part of a blob.
async fn read(source: &Source, at: u64, length: u64) -> Result<Bytes, TransportError> {
    match source {
        Source::Bytes(bytes) => {
            let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
            Ok(bytes.slice(start..end))
        }
        Source::File(path) => {
            let failed = |source| TransportError::File { action: "read", path: path.clone(), source };
            let file = Arc::new(File::open(path).map_err(failed)?);
            let reading = tokio::task::spawn_blocking(move || -> io::Result<Bytes> {
                let mut buffer = vec![0; usize::try_from(length).unwrap_or(0)];
                file.read_exact_at(&mut buffer, at)?;
                Ok(buffer.into())
            });
            reading.await.map_err(io::Error::other).map_err(failed)?.map_err(failed)
        }
    }
}
