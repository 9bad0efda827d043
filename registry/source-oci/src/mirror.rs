//! A mirror: a folder with everything that is needed to add components without a network, in OCI's image layout.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tidegate_bundle::{MAX_COMPONENT_BYTES, MAX_NATIVE_BYTES, MAX_SIGNATURE_BYTES, SIGSTORE_MEDIA_TYPE};
use tidegate_catalog::{
    Artifact, Config, Descriptor, Entry, IMAGE_INDEX, IMAGE_MANIFEST, INDEX_FILE, Index, LAYOUT_FILE, LAYOUT_TEXT,
    Layout, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Referrers, Release, blob_file, fallback_tag, is_native_type,
    signature_file,
};
use tidegate_reference::{Digest, OciReference, RepositoryName, Tag, Target};

use crate::client::Client;
use crate::error::{MirrorError, PushError};
use crate::pull::MAX_SIGNATURE_CANDIDATES;
use crate::push::Source;

/// Largest `index.json` and `oci-layout`, in bytes.
pub(crate) const MAX_LAYOUT_BYTES: u64 = 16 << 20;

/// Of a mirror's files: nothing in them is secret, and whoever serves them reads them.
const MODE: u32 = 0o644;

/// A folder with components and everything that is attached to them.
#[derive(Debug, Clone)]
pub struct Mirror {
    root: PathBuf,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The component.
    pub name: RepositoryName,
    /// Its version.
    pub tag: Tag,
    /// Its manifest.
    pub digest: Digest,
    /// How many signatures and attestations came along.
    pub attached: usize,
}

impl Mirror {
    /// The mirror in a folder; it may not be there yet.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Copies a component with everything that is attached to it into the mirror. Files that are there already are kept.
    ///
    /// # Errors
    /// As [`MirrorError`] says. What was copied before is not listed then.
    pub async fn fetch(&self, client: &Client, reference: &OciReference, tag: &Tag) -> Result<Mirrored, MirrorError> {
        let manifest = client.resolve(reference).await?;
        let wrong = |source| MirrorError::Artifact { reference: reference.to_string(), source };
        let artifact = Artifact::read(&manifest.bytes).map_err(wrong)?;
        let pinned = reference.with_target(Target::Digest(manifest.digest));
        self.prepare()?;
        let config = client.small_blob(&pinned, &artifact.config, MAX_CONFIG_BYTES).await?;
        Config::read(&config, &artifact.layer.digest).map_err(wrong)?;
        self.keep(&artifact.config.digest, &config)?;
        let to = self.root.join(blob_file(&artifact.layer.digest));
        if !to.is_file() {
            let new = with_suffix(&to, &format!(".{}.new", std::process::id()));
            let _ = fs::remove_file(&new);
            client.blob_to_file(&pinned, &artifact.layer, MAX_COMPONENT_BYTES, &new).await?;
            // A web server may be another user.
            fs::set_permissions(&new, Permissions::from_mode(MODE)).map_err(failed("write", &new))?;
            fs::rename(&new, &to).map_err(failed("write", &to))?;
        }
        self.keep(&manifest.digest, &manifest.bytes)?;
        let attached = self.fetch_attached(client, &pinned, manifest.digest).await?;
        let count = attached.len();
        let list = Referrers::new(attached).to_json();
        self.keep(&Digest::of(&list), &list)?;
        let mut layout = self.layout()?;
        layout.put(&reference.name, tag, Descriptor::of(IMAGE_MANIFEST, &manifest.bytes));
        // The list is found by its fallback tag, as in registries without referrers: other tools know that too.
        if let Ok(fallback) = fallback_tag(&manifest.digest).parse() {
            layout.put(&reference.name, &fallback, Descriptor::of(IMAGE_INDEX, &list));
        }
        self.write("index.json", &layout.to_json())?;
        Ok(Mirrored { name: reference.name.clone(), tag: tag.clone(), digest: manifest.digest, attached: count })
    }

    /// Every signature and attestation, of whatever type.
    async fn fetch_attached(
        &self,
        client: &Client,
        reference: &OciReference,
        subject: Digest,
    ) -> Result<Vec<Descriptor>, MirrorError> {
        let list = client.referrers(reference, subject, None).await?;
        let max = u64::try_from(MAX_SIGNATURE_BYTES).unwrap_or(u64::MAX);
        let mut kept = Vec::new();
        for descriptor in list.descriptors.into_iter().take(MAX_SIGNATURE_CANDIDATES) {
            let Some(kind) = descriptor.artifact_type.clone() else { continue };
            let manifest = client.resolve(&reference.with_target(Target::Digest(descriptor.digest))).await?;
            let layer = Artifact::read_attached(&manifest.bytes, &subject, &kind);
            // Largest attestation: a list of what a component is made of.
            let most = match kind.as_str() {
                SIGSTORE_MEDIA_TYPE => max,
                kind if is_native_type(kind) => MAX_NATIVE_BYTES,
                _ => MAX_MANIFEST_BYTES,
            };
            let Ok(Some(layer)) = layer else { continue };
            let bytes = client.small_blob(reference, &layer, most).await?;
            self.keep(&layer.digest, &bytes)?;
            let empty = tidegate_catalog::EMPTY_JSON;
            self.keep(&Digest::of(empty), empty)?;
            self.keep(&manifest.digest, &manifest.bytes)?;
            kept.push(descriptor);
        }
        Ok(kept)
    }

    /// The index of what is in the mirror, to be signed and put: `now` and `lifetime` in seconds. `known` says who signed
    /// what; what it does not say is taken from the index before.
    ///
    /// # Errors
    /// The folder cannot be read, or is no mirror.
    pub fn new_index(&self, now: u64, lifetime: u64, known: &[Entry]) -> Result<Index, MirrorError> {
        let before = self.existing(INDEX_FILE, MAX_LAYOUT_BYTES)?.and_then(|bytes| Index::read(&bytes).ok());
        let before = before.map_or_else(Vec::new, |index| index.components);
        let mut entries: Vec<Entry> = Vec::new();
        for (name, tag, descriptor) in self.layout()?.components() {
            let Ok(version) = tag.as_str().parse() else { continue };
            let mut releases =
                known.iter().chain(&before).filter(|entry| entry.name == name).flat_map(|entry| &entry.releases);
            let known = releases.find(|release| release.version == version && release.digest == descriptor.digest);
            let bytes = self.read_blob(&descriptor.digest, MAX_MANIFEST_BYTES)?;
            let artifact = Artifact::read(&bytes).ok();
            let description = artifact.and_then(|artifact| artifact.annotations.get(DESCRIPTION).cloned());
            let (signer, yanked) = known.cloned().map_or((None, None), |release| (release.signer, release.yanked));
            let release = Release { version, digest: descriptor.digest, signer, yanked, description };
            match entries.iter_mut().find(|entry| entry.name == name) {
                Some(entry) => entry.releases.push(release),
                None => entries.push(Entry { name, releases: vec![release] }),
            }
        }
        Ok(Index::new(now, lifetime, entries))
    }

    /// Whether the index that is there is signed.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn is_signed(&self) -> Result<bool, MirrorError> {
        let index = self.existing(INDEX_FILE, MAX_LAYOUT_BYTES)?;
        Ok(index.is_some_and(|bytes| self.root.join(signature_file(&Digest::of(&bytes))).is_file()))
    }

    /// Puts an index into its place, after its signature. The signature before stays for those who read just now, earlier
    /// ones go.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn put_index(&self, index: &[u8], signature: Option<&[u8]>) -> Result<(), MirrorError> {
        let before = self.existing(INDEX_FILE, MAX_LAYOUT_BYTES)?.map(|bytes| signature_file(&Digest::of(&bytes)));
        let now = signature_file(&Digest::of(index));
        if let Some(signature) = signature {
            self.write(&now, signature)?;
        }
        self.write(INDEX_FILE, index)?;
        let listed = self.root.read_dir().map_err(failed("list", &self.root))?;
        for name in listed.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
            let old = name.starts_with("tidegate-index.") && name.ends_with(".sigstore.json");
            if old && name != now && Some(&name) != before.as_ref() {
                let path = self.root.join(&name);
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Every component in the mirror: name, version, manifest.
    ///
    /// # Errors
    /// The folder is no mirror.
    pub fn components(&self) -> Result<Vec<Mirrored>, MirrorError> {
        let layout = self.layout()?;
        let ours = layout.components().filter(|(_, _, descriptor)| descriptor.media_type == IMAGE_MANIFEST);
        ours.map(|(name, tag, descriptor)| {
            let attached = self.attached(&name, &descriptor.digest)?.len();
            Ok(Mirrored { name, tag, digest: descriptor.digest, attached })
        })
        .collect()
    }

    /// Copies a component with everything that is attached to it to a registry.
    ///
    /// # Errors
    /// As [`MirrorError`] says.
    pub async fn send(
        &self,
        client: &Client,
        component: &Mirrored,
        to: &OciReference,
    ) -> Result<Mirrored, MirrorError> {
        let bytes = self.read_blob(&component.digest, MAX_MANIFEST_BYTES)?;
        let wrong = |source| MirrorError::Artifact { reference: component.digest.to_string(), source };
        let artifact = Artifact::read(&bytes).map_err(wrong)?;
        for blob in [&artifact.config, &artifact.layer] {
            // Read and compared first: a registry would refuse it anyway, but say less about why.
            self.check_blob(&blob.digest)?;
            client.push_blob(to, blob, Source::File(self.root.join(blob_file(&blob.digest)))).await?;
        }
        let manifest = Bytes::from(bytes);
        let pinned = to.with_target(Target::Digest(component.digest));
        client.push_manifest(&pinned, IMAGE_MANIFEST, &manifest).await?;
        let mut attached = 0;
        for descriptor in self.attached(&component.name, &component.digest)? {
            let manifest = Bytes::from(self.read_blob(&descriptor.digest, MAX_MANIFEST_BYTES)?);
            let kind = descriptor.artifact_type.clone().unwrap_or_default();
            let Ok(Some(layer)) = Artifact::read_attached(&manifest, &component.digest, &kind) else { continue };
            let empty = Descriptor::of(tidegate_catalog::EMPTY_TYPE, tidegate_catalog::EMPTY_JSON);
            for blob in [&layer, &empty] {
                let bytes = self.read_blob(&blob.digest, MAX_NATIVE_BYTES)?;
                client.push_blob(to, blob, Source::Bytes(bytes.into())).await?;
            }
            client.push_attached(&pinned, component.digest, &descriptor, &manifest).await?;
            attached += 1;
        }
        client.push_manifest(&to.with_target(Target::Tag(component.tag.clone())), IMAGE_MANIFEST, &manifest).await?;
        Ok(Mirrored { name: to.name.clone(), tag: component.tag.clone(), digest: component.digest, attached })
    }

    fn attached(&self, name: &RepositoryName, subject: &Digest) -> Result<Vec<Descriptor>, MirrorError> {
        let layout = self.layout()?;
        let fallback = fallback_tag(subject);
        let list = layout.components().find(|(known, tag, _)| known == name && tag.as_str() == fallback);
        let Some((_, _, list)) = list else { return Ok(Vec::new()) };
        let bytes = self.read_blob(&list.digest, MAX_MANIFEST_BYTES)?;
        let list = Referrers::read(&bytes);
        Ok(list.map_err(|source| MirrorError::Artifact { reference: fallback, source })?.manifests)
    }

    fn layout(&self) -> Result<Layout, MirrorError> {
        if !self.root.join("index.json").exists() && self.root.join("blobs").is_dir() {
            return Ok(Layout::default());
        }
        let (version, index) = (self.read(LAYOUT_FILE, MAX_LAYOUT_BYTES)?, self.read("index.json", MAX_LAYOUT_BYTES)?);
        Layout::read(&version, &index).map_err(|source| MirrorError::Layout { path: self.root.clone(), source })
    }

    fn prepare(&self) -> Result<(), MirrorError> {
        let blobs = self.root.join("blobs/sha256");
        DirBuilder::new().recursive(true).create(&blobs).map_err(failed("make", &blobs))?;
        if !self.root.join(LAYOUT_FILE).exists() {
            self.write(LAYOUT_FILE, LAYOUT_TEXT.as_bytes())?;
        }
        Ok(())
    }

    fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<(), MirrorError> {
        match self.root.join(blob_file(digest)).is_file() {
            true => Ok(()),
            false => self.write(&blob_file(digest), bytes),
        }
    }

    /// Writes a file beside its place and renames it.
    fn write(&self, file: &str, bytes: &[u8]) -> Result<(), MirrorError> {
        let path = self.root.join(file);
        let new = with_suffix(&path, &format!(".{}.new", std::process::id()));
        let _ = fs::remove_file(&new);
        write_new(&new, bytes)?;
        fs::rename(&new, &path).map_err(failed("write", &path))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A file, if it is there.
    pub(crate) fn existing(&self, file: &str, max: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        match self.read(file, max) {
            Err(MirrorError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    fn read(&self, file: &str, max: u64) -> Result<Vec<u8>, MirrorError> {
        let path = self.root.join(file);
        let metadata = fs::metadata(&path).map_err(failed("read", &path))?;
        if !metadata.is_file() || metadata.len() > max {
            let error = io::Error::new(io::ErrorKind::InvalidData, format!("it is no file of at most {max} bytes"));
            return Err(failed("read", &path)(error));
        }
        fs::read(&path).map_err(failed("read", &path))
    }

    pub(crate) fn read_blob(&self, digest: &Digest, max: u64) -> Result<Vec<u8>, MirrorError> {
        let bytes = self.read(&blob_file(digest), max)?;
        match Digest::of(&bytes) {
            same if same == *digest => Ok(bytes),
            found => Err(MirrorError::Damaged { path: self.root.join(blob_file(digest)), found }),
        }
    }

    fn check_blob(&self, digest: &Digest) -> Result<(), MirrorError> {
        self.read_blob(digest, MAX_COMPONENT_BYTES).map(drop)
    }
}

/// OCI image specification, `annotations.md`.
const DESCRIPTION: &str = "org.opencontainers.image.description";

pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), MirrorError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(failed("write", path))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MirrorError + use<> {
    let path = path.to_owned();
    move |source| MirrorError::File { action, path, source }
}

impl From<PushError> for Box<MirrorError> {
    fn from(error: PushError) -> Self {
        Self::new(MirrorError::Push(error))
    }
}
