//! A mirror to read from: its folder, or the address at which any web server has that folder. The server needs to answer
//! `GET` for files and nothing else: no media types, no ranges, no lists of folders. The index of a registry of ours is read
//! the same way.
//!
//! What a shelf says is believed in nothing: every digest and length is checked, everything has a bound.

use std::path::Path;
use std::sync::Arc;

use http::Method;
use tidegate_bundle::{MAX_COMPONENT_BYTES, MAX_NATIVE_BYTES, MAX_SIGNATURE_BYTES, SIGSTORE_MEDIA_TYPE};
use tidegate_catalog::{
    Artifact, Config, Descriptor, INDEX_FILE, LAYOUT_FILE, Layout, MAX_CONFIG_BYTES, MAX_INDEX_BYTES,
    MAX_MANIFEST_BYTES, Referrers, blob_file, fallback_tag, native_type, signature_file,
};
use tidegate_reference::{Digest, RegistryHost, RepositoryName};

use crate::client::Client;
use crate::error::{MirrorError, PullError, TransportError};
use crate::exchange::Request;
use crate::mirror::{MAX_LAYOUT_BYTES, Mirror, write_new};
use crate::pull::{MAX_NATIVE_CANDIDATES, MAX_SIGNATURE_CANDIDATES, Pulled, Resolved};
use crate::url::Url;

/// A mirror to read from, or a registry's index.
#[derive(Debug, Clone)]
pub struct Shelf {
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Folder(Mirror),
    Web { client: Arc<Client>, base: Url },
}

impl Shelf {
    /// The mirror in a folder.
    #[must_use]
    pub fn folder(root: &Path) -> Self {
        Self { place: Place::Folder(Mirror::at(root)) }
    }

    /// The mirror that a web server has at this address, `https://HOST/PATH`.
    ///
    /// # Errors
    /// [`TransportError::Address`].
    pub fn web(client: Arc<Client>, address: &str) -> Result<Self, TransportError> {
        Ok(Self { place: Place::Web { client, base: base(address)? } })
    }

    /// The index of a registry of ours, and nothing else of it.
    #[must_use]
    pub fn registry(client: Arc<Client>, registry: &RegistryHost) -> Self {
        let base = Url { origin: client.origin(registry), path: "/tidegate/v1".to_owned() };
        Self { place: Place::Web { client, base } }
    }

    /// The bytes of the index. Nobody has vouched for them.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn index(&self) -> Result<Vec<u8>, MirrorError> {
        let max = u64::try_from(MAX_INDEX_BYTES).unwrap_or(u64::MAX);
        match self.file(INDEX_FILE, max).await? {
            Some(bytes) => Ok(bytes),
            None => Err(MirrorError::NoMirror { place: self.shown() }),
        }
    }

    /// The signature file of the index with this digest; nothing: it is not signed.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn signature(&self, index: &Digest) -> Result<Option<Vec<u8>>, MirrorError> {
        self.file(&signature_file(index), u64::try_from(MAX_SIGNATURE_BYTES).unwrap_or(u64::MAX)).await
    }

    /// The component with this manifest, as [`Client::pull`] gives it.
    ///
    /// # Errors
    /// It is not there, or is not what digests and lengths say.
    pub async fn pull(&self, name: &RepositoryName, digest: Digest, folder: &Path) -> Result<Pulled, MirrorError> {
        let bytes = self.by_digest(&digest, MAX_MANIFEST_BYTES).await?;
        let wrong = |source| MirrorError::Artifact { reference: format!("{name}@{digest}"), source };
        let artifact = Artifact::read(&bytes).map_err(wrong)?;
        let config = self.blob(&artifact.config, MAX_CONFIG_BYTES).await?;
        Config::read(&config, &artifact.layer.digest).map_err(wrong)?;
        let component = folder.join(format!("{}.wasm", name.last()));
        self.component(&artifact.layer, &component).await?;
        let attached = self.attached(name, &digest).await?;
        let truncated = attached.len() > MAX_SIGNATURE_CANDIDATES;
        let max = u64::try_from(MAX_SIGNATURE_BYTES).unwrap_or(u64::MAX);
        let signatures = self.attachments(&attached, &digest, SIGSTORE_MEDIA_TYPE, MAX_SIGNATURE_CANDIDATES, max).await;
        let manifest = Resolved { digest, bytes: bytes.into() };
        Ok(Pulled { manifest, artifact, config: config.into(), component, signatures, truncated })
    }

    /// Native code for a target, as [`Client::native`] gives it.
    ///
    /// # Errors
    /// The mirror cannot be read.
    pub async fn native(
        &self,
        name: &RepositoryName,
        manifest: Digest,
        target: &str,
    ) -> Result<Vec<Vec<u8>>, MirrorError> {
        let kind = native_type(target);
        let mut attached = self.attached(name, &manifest).await?;
        attached.retain(|descriptor| descriptor.artifact_type.as_ref() == Some(&kind));
        Ok(self.attachments(&attached, &manifest, &kind, MAX_NATIVE_CANDIDATES, MAX_NATIVE_BYTES).await)
    }

    /// What has this media type among the first of these; none above `max` bytes.
    async fn attachments(
        &self,
        attached: &[Descriptor],
        subject: &Digest,
        kind: &str,
        most: usize,
        max: u64,
    ) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for descriptor in attached.iter().take(most) {
            match self.attachment(descriptor, subject, kind, max).await {
                Ok(bytes) => found.extend(bytes),
                // Nobody hinders the others by attaching rubbish.
                Err(error) => {
                    tracing::warn!(digest = %descriptor.digest, %error, "something attached to the component is not taken");
                }
            }
        }
        found
    }

    async fn attachment(
        &self,
        descriptor: &Descriptor,
        subject: &Digest,
        kind: &str,
        max: u64,
    ) -> Result<Option<Vec<u8>>, MirrorError> {
        let manifest = self.by_digest(&descriptor.digest, MAX_MANIFEST_BYTES).await?;
        match Artifact::read_attached(&manifest, subject, kind) {
            Ok(Some(layer)) => Ok(Some(self.blob(&layer, max).await?)),
            _ => Ok(None),
        }
    }

    /// What is attached to a manifest, of whatever type. Nothing where the mirror does not say.
    async fn attached(&self, name: &RepositoryName, subject: &Digest) -> Result<Vec<Descriptor>, MirrorError> {
        let (version, index) = (self.must(LAYOUT_FILE).await?, self.must("index.json").await?);
        let layout = Layout::read(&version, &index);
        let layout = layout.map_err(|source| MirrorError::Layout { path: self.shown().into(), source })?;
        let fallback = fallback_tag(subject);
        let list = layout.components().find(|(known, tag, _)| known == name && tag.as_str() == fallback);
        let Some((_, _, list)) = list else { return Ok(Vec::new()) };
        let bytes = self.blob(list, MAX_MANIFEST_BYTES).await?;
        let list = Referrers::read(&bytes);
        Ok(list.map_err(|source| MirrorError::Artifact { reference: fallback, source })?.manifests)
    }

    /// Writes the component into a new file.
    async fn component(&self, layer: &Descriptor, to: &Path) -> Result<(), MirrorError> {
        match &self.place {
            Place::Folder(_) => write_new(to, &self.blob(layer, MAX_COMPONENT_BYTES).await?),
            Place::Web { client, base } => {
                let file = blob_file(&layer.digest);
                let pulled = client.to_file(&request(base, &file), layer, MAX_COMPONENT_BYTES, to).await;
                pulled.map_err(|error| self.missing(error, &file))
            }
        }
    }

    /// What a descriptor describes: digest and length are checked.
    async fn blob(&self, blob: &Descriptor, max: u64) -> Result<Vec<u8>, MirrorError> {
        let (digest, said) = (blob.digest, blob.size);
        if said > max {
            return Err(PullError::TooBig { digest, said, max }.into());
        }
        match &self.place {
            Place::Folder(mirror) => match mirror.read_blob(&digest, max)? {
                bytes if u64::try_from(bytes.len()).is_ok_and(|found| found == said) => Ok(bytes),
                bytes => {
                    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    Err(PullError::OtherLength { digest, said, found }.into())
                }
            },
            Place::Web { client, base } => {
                let file = blob_file(&digest);
                let bytes = client.small(request(base, &file), blob).await;
                Ok(bytes.map_err(|error| self.missing(error, &file))?.to_vec())
            }
        }
    }

    /// What has this digest, however long within the bound.
    async fn by_digest(&self, digest: &Digest, max: u64) -> Result<Vec<u8>, MirrorError> {
        if let Place::Folder(mirror) = &self.place {
            return mirror.read_blob(digest, max);
        }
        let file = blob_file(digest);
        let bytes = self.file(&file, max).await?;
        let bytes = bytes.ok_or_else(|| MirrorError::Incomplete { place: self.shown(), file })?;
        match Digest::of(&bytes) {
            same if same == *digest => Ok(bytes),
            found => Err(PullError::OtherDigest { expected: *digest, found }.into()),
        }
    }

    async fn must(&self, file: &str) -> Result<Vec<u8>, MirrorError> {
        let bytes = self.file(file, MAX_LAYOUT_BYTES).await?;
        bytes.ok_or_else(|| MirrorError::Incomplete { place: self.shown(), file: file.to_owned() })
    }

    /// A file of the mirror, as it is; nothing if it is not there.
    async fn file(&self, file: &str, max: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        let (client, base) = match &self.place {
            Place::Folder(mirror) => return mirror.existing(file, max),
            Place::Web { client, base } => (client, base),
        };
        match client.send(request(base, file)).await.map_err(PullError::from)?.checked().await {
            Err(TransportError::NotFound { .. }) => Ok(None),
            answer => {
                let bytes = answer.map_err(PullError::from)?.bytes(max).await.map_err(PullError::from)?;
                Ok(Some(bytes.to_vec()))
            }
        }
    }

    fn missing(&self, error: PullError, file: &str) -> MirrorError {
        match error {
            PullError::Transport(TransportError::NotFound { .. }) => {
                MirrorError::Incomplete { place: self.shown(), file: file.to_owned() }
            }
            error => error.into(),
        }
    }

    fn shown(&self) -> String {
        match &self.place {
            Place::Folder(mirror) => mirror.root().display().to_string(),
            Place::Web { base, .. } => base.shown(),
        }
    }
}

/// The one way in which the address of a mirror is written: the host in lower case, no port that the scheme means anyway,
/// no `/` at the end.
///
/// # Errors
/// [`TransportError::Address`].
pub fn mirror_address(text: &str) -> Result<String, TransportError> {
    base(text).map(|base| base.shown())
}

/// The host in the address of a mirror.
///
/// # Errors
/// [`TransportError::Address`].
pub fn mirror_host(text: &str) -> Result<RegistryHost, TransportError> {
    base(text).map(|base| base.origin.registry)
}

fn base(text: &str) -> Result<Url, TransportError> {
    let wrong = |why| TransportError::Address { address: text.to_owned(), why };
    if text.contains(['?', '#', '\\']) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("it has a `?`, a `#` or characters that no address has"));
    }
    let mut url = Url::parse(text).map_err(wrong)?;
    url.path = url.path.trim_end_matches('/').to_owned();
    if url.path.split('/').any(|part| part == "." || part == "..") {
        return Err(wrong("it has `.` or `..` in it: write where it leads"));
    }
    Ok(url)
}

fn request(base: &Url, file: &str) -> Request {
    Request::new(Method::GET, Url { origin: base.origin.clone(), path: format!("{}/{file}", base.path) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn an_address_is_written_one_way() {
        let same = ["https://Mirror.example/a/b", "https://mirror.example:443/a/b/", "https://mirror.example/a/b//"];
        for text in same {
            assert_eq!(mirror_address(text).unwrap(), "https://mirror.example/a/b");
        }
        assert_eq!(mirror_address("http://127.0.0.1:8000/").unwrap(), "http://127.0.0.1:8000");
        assert_eq!(mirror_host("https://mirror.example:444/x").unwrap().to_string(), "mirror.example:444");
        for text in
            ["https://a/x?y", "https://a/x#y", "ftp://a/x", "https://u@a/x", "https://a/../x", "https://a\\b", "a/b"]
        {
            let error = mirror_address(text).unwrap_err().to_string();
            assert!(error.contains("is not the address of a mirror"), "{text}: {error}");
        }
    }
}
