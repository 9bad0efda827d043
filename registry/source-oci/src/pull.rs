//! Pulling: a tag to a digest, a digest to a manifest, a manifest to a component and what is attached to it.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_RANGE, LINK, RANGE};
use http::{Method, StatusCode};
use ring::digest::{Context, SHA256};
use serde::Deserialize;
use tidegate_bundle::{MAX_COMPONENT_BYTES, MAX_NATIVE_BYTES, MAX_SIGNATURE_BYTES, SIGSTORE_MEDIA_TYPE};
use tidegate_catalog::{
    Artifact, Config, Descriptor, IMAGE_MANIFEST, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, native_type,
};
use tidegate_reference::{Digest, OciReference, Tag, Target};
use tokio::time::sleep;

use crate::auth::scope;
use crate::client::Client;
use crate::error::{PullError, TransportError};
use crate::exchange::{Answer, Request};
use crate::url::Url;

/// Most signatures that are fetched: whoever may push can attach thousands. The first that counts is enough.
pub const MAX_SIGNATURE_CANDIDATES: usize = 32;
/// Most pieces of native code that are fetched: whoever may push can attach more, and each may be as large as allowed.
pub(crate) const MAX_NATIVE_CANDIDATES: usize = 4;
/// Most attached manifests that are asked for: rubbish costs a request each too.
const MAX_ATTACHED: usize = 128;
/// Attempts at one blob; each goes on where the one before stopped.
const ATTEMPTS: u32 = 6;
/// Rest before going on.
const REST: Duration = Duration::from_millis(250);
/// Bytes of one page of tags, and pages.
const MAX_TAGS_BYTES: u64 = 4 << 20;
const MAX_TAG_PAGES: usize = 20;

/// A manifest that a reference means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Its digest: from here on nothing else is fetched, wherever the tag moves.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A component with what is attached to it.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// Its manifest.
    pub manifest: Resolved,
    /// What the manifest says.
    pub artifact: Artifact,
    /// The bytes of its config.
    pub config: Bytes,
    /// The file with the component: its digest and length are those of the manifest.
    pub component: PathBuf,
    /// Signature files that are attached to it, at most [`MAX_SIGNATURE_CANDIDATES`]. Nobody has verified them.
    pub signatures: Vec<Vec<u8>>,
    /// Whether more is attached than was looked at.
    pub truncated: bool,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl Client {
    /// The manifest that a reference means.
    ///
    /// # Errors
    /// It is not there, or the registry sends other bytes than those with the digest.
    pub async fn resolve(&self, reference: &OciReference) -> Result<Resolved, PullError> {
        let target = match &reference.target {
            Target::Tag(tag) => tag.to_string(),
            Target::Digest(digest) => digest.to_string(),
        };
        let url = self.origin(&reference.registry).url(&reference.name, &format!("manifests/{target}"));
        let request = Request::new(Method::GET, url).header(ACCEPT, IMAGE_MANIFEST);
        let request = request.scope(scope(&reference.name, &Method::GET));
        let bytes = self.send(request).await?.checked().await?.bytes(MAX_MANIFEST_BYTES).await?;
        let digest = Digest::of(&bytes);
        match &reference.target {
            Target::Digest(expected) if *expected != digest => {
                Err(PullError::OtherDigest { expected: *expected, found: digest })
            }
            _ => Ok(Resolved { digest, bytes }),
        }
    }

    /// Pulls a component into a new file `NAME.wasm` of `folder`, and the signatures that are attached to it.
    ///
    /// # Errors
    /// As [`PullError`] says; a file that was begun stays for the next attempt of this call only, and is removed after it.
    pub async fn pull(&self, reference: &OciReference, folder: &Path) -> Result<Pulled, PullError> {
        let manifest = self.resolve(reference).await?;
        let wrong = |source| PullError::Artifact { reference: reference.to_string(), source };
        let artifact = Artifact::read(&manifest.bytes).map_err(wrong)?;
        let pinned = reference.with_target(Target::Digest(manifest.digest));
        let config = self.small_blob(&pinned, &artifact.config, MAX_CONFIG_BYTES).await?;
        Config::read(&config, &artifact.layer.digest).map_err(wrong)?;
        let component = folder.join(format!("{}.wasm", reference.name.last()));
        self.blob_to_file(&pinned, &artifact.layer, MAX_COMPONENT_BYTES, &component).await?;
        let max = u64::try_from(MAX_SIGNATURE_BYTES).unwrap_or(u64::MAX);
        let (signatures, truncated) =
            self.attached(&pinned, manifest.digest, SIGSTORE_MEDIA_TYPE, MAX_SIGNATURE_CANDIDATES, max).await?;
        Ok(Pulled { manifest, artifact, config, component, signatures, truncated })
    }

    /// Native code for a target that is attached to a component's manifest, at most some pieces. Nobody has verified them;
    /// their signatures are among those of [`Pulled`].
    ///
    /// # Errors
    /// The network or the registry.
    pub async fn native(
        &self,
        reference: &OciReference,
        manifest: Digest,
        target: &str,
    ) -> Result<Vec<Vec<u8>>, PullError> {
        let pinned = reference.with_target(Target::Digest(manifest));
        let kind = native_type(target);
        Ok(self.attached(&pinned, manifest, &kind, MAX_NATIVE_CANDIDATES, MAX_NATIVE_BYTES).await?.0)
    }

    /// What is attached to a manifest, of one media type: the bytes of each, `most` at most, none above `max` bytes. What is
    /// not as it should be is left out, so that nobody hinders the others by attaching rubbish.
    ///
    /// # Errors
    /// The network or the registry.
    pub(crate) async fn attached(
        &self,
        reference: &OciReference,
        subject: Digest,
        kind: &str,
        most: usize,
        max: u64,
    ) -> Result<(Vec<Vec<u8>>, bool), PullError> {
        let list = self.referrers(reference, subject, Some(kind)).await?;
        let mut truncated = list.truncated;
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for descriptor in list.descriptors {
            if found.len() >= most || seen.len() >= MAX_ATTACHED {
                truncated = true;
                break;
            }
            if !seen.insert(descriptor.digest) {
                continue;
            }
            match self.attachment(reference, subject, &descriptor, kind, max).await {
                Ok(bytes) => found.extend(bytes),
                Err(PullError::Transport(
                    error @ (TransportError::Unauthorized { .. } | TransportError::Connect { .. }),
                )) => {
                    return Err(error.into());
                }
                Err(error) => {
                    tracing::warn!(digest = %descriptor.digest, %error, "something attached to the component is not taken");
                }
            }
        }
        Ok((found, truncated))
    }

    async fn attachment(
        &self,
        reference: &OciReference,
        subject: Digest,
        descriptor: &Descriptor,
        kind: &str,
        max: u64,
    ) -> Result<Option<Vec<u8>>, PullError> {
        let manifest = self.resolve(&reference.with_target(Target::Digest(descriptor.digest))).await?;
        let layer = Artifact::read_attached(&manifest.bytes, &subject, kind);
        let layer = layer.map_err(|source| PullError::Artifact { reference: descriptor.digest.to_string(), source })?;
        match layer {
            Some(layer) => Ok(Some(self.small_blob(reference, &layer, max).await?.to_vec())),
            None => Ok(None),
        }
    }

    /// The bytes of a small blob.
    ///
    /// # Errors
    /// It is not there, is longer than `max`, or is not what its descriptor says.
    pub(crate) async fn small_blob(
        &self,
        reference: &OciReference,
        blob: &Descriptor,
        max: u64,
    ) -> Result<Bytes, PullError> {
        let (digest, said) = (blob.digest, blob.size);
        if said > max {
            return Err(PullError::TooBig { digest, said, max });
        }
        self.small(self.blob_request(reference, &digest), blob).await
    }

    /// The bytes that a request gives, if they are those of the descriptor.
    pub(crate) async fn small(&self, request: Request, blob: &Descriptor) -> Result<Bytes, PullError> {
        let (digest, said) = (blob.digest, blob.size);
        let answer = self.send(request).await?.checked().await?;
        // One more than there should be is enough to see that there is more.
        let bytes = match answer.bytes(said).await {
            Err(TransportError::TooBig { .. }) => return Err(PullError::OtherLength { digest, said, found: said + 1 }),
            bytes => bytes?,
        };
        let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if found != said {
            return Err(PullError::OtherLength { digest, said, found });
        }
        match Digest::of(&bytes) {
            same if same == digest => Ok(bytes),
            found => Err(PullError::OtherDigest { expected: digest, found }),
        }
    }

    fn blob_request(&self, reference: &OciReference, digest: &Digest) -> Request {
        let url = self.origin(&reference.registry).url(&reference.name, &format!("blobs/{digest}"));
        Request::new(Method::GET, url).scope(scope(&reference.name, &Method::GET))
    }

    /// Streams a blob into a new file. A connection that breaks is no reason to begin again.
    ///
    /// # Errors
    /// As [`Client::small_blob`]; the file is removed then.
    pub(crate) async fn blob_to_file(
        &self,
        reference: &OciReference,
        blob: &Descriptor,
        max: u64,
        path: &Path,
    ) -> Result<(), PullError> {
        self.to_file(&self.blob_request(reference, &blob.digest), blob, max, path).await
    }

    /// The same, for what `request` gives.
    pub(crate) async fn to_file(
        &self,
        request: &Request,
        blob: &Descriptor,
        max: u64,
        path: &Path,
    ) -> Result<(), PullError> {
        if blob.size > max {
            return Err(PullError::TooBig { digest: blob.digest, said: blob.size, max });
        }
        let failed = |source| TransportError::File { action: "write", path: path.to_owned(), source };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        let mut download = Download { file: Some(file), context: Context::new(&SHA256), length: 0 };
        let pulled = self.download(request, blob, &mut download, path).await;
        if pulled.is_err() {
            let _ = std::fs::remove_file(path);
        }
        pulled
    }

    async fn download(
        &self,
        request: &Request,
        blob: &Descriptor,
        download: &mut Download,
        path: &Path,
    ) -> Result<(), PullError> {
        let digest = blob.digest;
        let mut rest = REST;
        for attempt in 1.. {
            match self.continue_blob(request, blob, download, path).await {
                Ok(()) => break,
                Err(PullError::Transport(
                    error @ (TransportError::Broken { .. }
                    | TransportError::Timeout { .. }
                    | TransportError::Connect { .. }),
                )) if attempt < ATTEMPTS => {
                    tracing::debug!(%error, length = download.length, "going on where the connection broke");
                    sleep(rest).await;
                    rest *= 2;
                }
                Err(error) => return Err(error),
            }
        }
        if download.length != blob.size {
            return Err(PullError::OtherLength { digest, said: blob.size, found: download.length });
        }
        let found = finish(std::mem::replace(&mut download.context, Context::new(&SHA256)));
        if found != digest {
            return Err(PullError::OtherDigest { expected: digest, found });
        }
        Ok(())
    }

    /// Fetches what is missing.
    async fn continue_blob(
        &self,
        request: &Request,
        blob: &Descriptor,
        download: &mut Download,
        path: &Path,
    ) -> Result<(), PullError> {
        let mut request = request.clone();
        if download.length > 0 {
            request = request.header(RANGE, format!("bytes={}-", download.length));
        }
        let mut answer = self.send(request).await?.checked().await?;
        let failed = |source| TransportError::File { action: "write", path: path.to_owned(), source };
        if download.length > 0 && !continues(&answer, download.length) {
            // It sends everything again.
            download.begin_again().map_err(failed)?;
        }
        while let Some(piece) = answer.piece().await? {
            let length = download.length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if length > blob.size {
                return Err(PullError::OtherLength { digest: blob.digest, said: blob.size, found: length });
            }
            download.write(piece).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Every tag of a repository, at most some 20 pages.
    ///
    /// # Errors
    /// The network or the registry.
    pub async fn tags(&self, reference: &OciReference) -> Result<Vec<Tag>, PullError> {
        let mut url = self.origin(&reference.registry).url(&reference.name, "tags/list");
        let mut tags = Vec::new();
        for _ in 0..MAX_TAG_PAGES {
            let request = Request::new(Method::GET, url.clone()).scope(scope(&reference.name, &Method::GET));
            let answer = self.send(request).await?.checked().await?;
            let (next, host) = (next_page(&answer, &url), answer.host().to_owned());
            let bytes = answer.bytes(MAX_TAGS_BYTES).await?;
            let page: Tags = serde_json::from_slice(&bytes)
                .map_err(|error| TransportError::Protocol { host, what: format!("its list of tags: {error}") })?;
            tags.extend(page.tags.unwrap_or_default().iter().filter_map(|tag| tag.parse::<Tag>().ok()));
            match next {
                Some(next) => url = next,
                None => break,
            }
        }
        Ok(tags)
    }
}

/// Whether an answer begins at this byte.
fn continues(answer: &Answer, at: u64) -> bool {
    answer.status == StatusCode::PARTIAL_CONTENT && answer.header(&CONTENT_RANGE).starts_with(&format!("bytes {at}-"))
}

/// Where a list goes on: on the same registry, or nowhere.
pub(crate) fn next_page(answer: &Answer, here: &Url) -> Option<Url> {
    let link = answer.header(&LINK);
    let (target, rest) = link.strip_prefix('<')?.split_once('>')?;
    let next = here.join(target).ok()?;
    (rest.contains("rel=\"next\"") && next.origin == here.origin).then_some(next)
}

/// A blob on its way to the disk.
struct Download {
    /// None while a thread writes.
    file: Option<File>,
    context: Context,
    length: u64,
}

impl Download {
    async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        self.context.update(&piece);
        self.length += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let mut file = self.file.take().ok_or(io::ErrorKind::Other)?;
        let written = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file));
        self.file = Some(written.await.map_err(io::Error::other)??);
        Ok(())
    }

    fn begin_again(&mut self) -> io::Result<()> {
        use std::io::Seek as _;
        if let Some(file) = &mut self.file {
            file.set_len(0)?;
            file.rewind()?;
        }
        self.context = Context::new(&SHA256);
        self.length = 0;
        Ok(())
    }
}

fn finish(context: Context) -> Digest {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Digest::from_bytes(bytes)
}
