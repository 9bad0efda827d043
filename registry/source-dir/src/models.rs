//! The models of a node: every file once, under its digest.
//!
//! ```text
//! STATE/models/
//!   .lock                      held while the store is read or changed
//!   .new-NAME/, .old-NAME/     as in the store of components
//!   blobs/HEX                  a file of models, named by its SHA-256; never written again
//!   blobs/.new-HEX             being written; worthless after a crash
//!   NAME/model.toml
//!   NAME/signature.sigstore.json
//!   NAME/entry.json            its files and their digests
//! ```
//!
//! Files are copied in while they are hashed, so that what is kept is what was hashed; they count once their digest is the
//! one that was signed. Crash at any instruction: a model is complete, old or new, or not there as before; a blob that no
//! model has is removed with the next model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use tidegate_bundle::{MAX_SIGNATURE_BYTES, MODEL_MANIFEST};
use tidegate_reference::{ComponentName, Digest, Hasher};

use crate::blob::{Blob, BlobError};
use crate::file::{FileError, Links, read_file, sync_dir, write_new};
use crate::read::{SIGNATURE_SUFFIX, beside};
use crate::swap::{NEW_PREFIX, put_in_place, recover, remove_tree};

const BLOBS: &str = "blobs";
const SIGNATURE: &str = "signature.sigstore.json";
const ENTRY: &str = "entry.json";
const LOCK: &str = ".lock";
/// A manifest, in bytes: `tidegate-bundle` takes no larger one.
const MAX_MANIFEST: u64 = 64 << 10;
/// An entry has about 100 bytes for each file.
const MAX_ENTRY: u64 = 64 << 10;
/// Largest file of a model, in bytes: more is no model of a sandbox with 4 GiB, and fills the disk.
const MAX_FILE: u64 = 16 << 30;
/// Bytes copied and hashed at once.
const CHUNK: usize = 1 << 20;

/// A model as it lies in a folder: not verified.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    /// The folder.
    pub folder: PathBuf,
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The signature file's, if there is one.
    pub signature: Option<Vec<u8>>,
}

/// A model of the store: not verified again.
#[derive(Debug, Clone)]
pub struct StoredModel {
    /// Its name.
    pub name: ComponentName,
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The signature file's.
    pub signature: Vec<u8>,
    /// When it was added, in seconds since 1970 (UTC), if known.
    pub added: Option<u64>,
}

/// One place of the store.
#[derive(Debug)]
pub struct ListedModel {
    /// The model's name.
    pub name: ComponentName,
    /// What is there, or why it cannot be used.
    pub stored: Result<StoredModel, ModelStoreError>,
}

/// `entry.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    files: BTreeMap<String, Digest>,
    added: Option<u64>,
}

/// Why models could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ModelStoreError {
    /// The operating system; see the source.
    #[error("cannot {action} `{path}`", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no model.
    #[error("there is no `{path}`: name the folder of a model, in which its `model.toml` is", path = .0.display())]
    NotThere(PathBuf),
    /// A file that the manifest names is not there.
    #[error("the model has no file `{path}`, which its manifest names: get the model again", path = .0.display())]
    NoFile(PathBuf),
    /// A file is not what was signed.
    #[error(
        "`{path}` is not what was signed: its digest is {found}, the signature is for {signed}; the file was changed or is \
         incomplete, get the model again from the publisher", path = .path.display()
    )]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: Digest,
        /// What was signed.
        signed: Digest,
    },
    /// A file is larger than any model that can run.
    #[error("`{path}` has more than {MAX_FILE} bytes", path = .0.display())]
    TooBig(PathBuf),
    /// A file of an installed model is missing or damaged.
    #[error("the installed model `{name}` is damaged: remove it with `tidegate model remove {name}` and add it again")]
    Damaged {
        /// The model.
        name: ComponentName,
        /// Why; none: a file is missing.
        source: Option<serde_json::Error>,
    },
    /// A blob.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// The models of a node. Every method locks the store against other processes while it runs.
#[derive(Debug, Clone)]
pub struct ModelStore {
    root: PathBuf,
}

impl ModelFolder {
    /// Reads the manifest and the signature of a model; its files stay where they are. `path`: the folder, or the manifest in
    /// it.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read(path: &Path) -> Result<Self, ModelStoreError> {
        let manifest_path = if path.is_dir() { path.join(MODEL_MANIFEST) } else { path.to_owned() };
        let not_there = || ModelStoreError::NotThere(manifest_path.clone());
        let folder = manifest_path.parent().map(Path::to_owned).ok_or_else(not_there)?;
        if manifest_path.file_name().is_none_or(|name| name != MODEL_MANIFEST) {
            return Err(ModelStoreError::NotThere(folder.join(MODEL_MANIFEST)));
        }
        let manifest = read_file(&manifest_path, MAX_MANIFEST, Links::Follow)?.ok_or_else(not_there)?;
        let signature = read_file(&beside(&manifest_path, SIGNATURE_SUFFIX), signature_max(), Links::Follow)?;
        Ok(Self { folder, manifest, signature })
    }

    /// The digest of one of its files, read in pieces.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn digest(&self, file: &str) -> Result<Digest, ModelStoreError> {
        copy(&self.folder.join(file), None)
    }
}

impl ModelStore {
    /// The store in `state`, the node's state directory. Made if it is not there, readable by this user only.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(state: &Path) -> Result<Self, ModelStoreError> {
        let root = state.join("models");
        let blobs = root.join(BLOBS);
        DirBuilder::new().recursive(true).mode(0o700).create(&blobs).map_err(failed("make the directory", &blobs))?;
        Ok(Self { root })
    }

    /// Installs a model, in place of another of its name: copies those of `files` that the store does not have, and compares
    /// each with its digest. When this returns, it is on the disk.
    ///
    /// The caller has verified the manifest and the digests; whoever lists models verifies again.
    ///
    /// # Errors
    /// A file is not there or not what was signed; the operating system. The store then holds what it held before.
    pub fn install(
        &self,
        name: &ComponentName,
        from: &ModelFolder,
        files: &BTreeMap<String, Digest>,
        added: Option<u64>,
    ) -> Result<(), ModelStoreError> {
        let _lock = self.lock()?;
        for (file, signed) in files {
            let path = from.folder.join(file);
            let found = self.keep(&path, *signed)?;
            if found != *signed {
                self.collect()?;
                return Err(ModelStoreError::OtherFile { path, found, signed: *signed });
            }
        }
        let new = self.root.join(format!("{NEW_PREFIX}{name}"));
        let entry = Entry { files: files.clone(), added };
        if let Err(error) = write_model(&new, from, &entry) {
            let _ = remove_tree(&new);
            return Err(failed("write", &new)(error));
        }
        put_in_place(&self.root, name).map_err(failed("replace", &self.root.join(name.as_str())))?;
        self.collect()
    }

    /// Removes a model, and the files that no other one has; `false` if there is none of that name.
    ///
    /// # Errors
    /// The operating system.
    pub fn remove(&self, name: &ComponentName) -> Result<bool, ModelStoreError> {
        let _lock = self.lock()?;
        let path = self.root.join(name.as_str());
        let doomed = self.root.join(format!("{NEW_PREFIX}{name}"));
        match fs::rename(&path, &doomed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            renamed => renamed.map_err(failed("remove", &path))?,
        }
        sync_dir(&self.root).map_err(failed("sync", &self.root))?;
        remove_tree(&doomed).map_err(failed("remove", &doomed))?;
        self.collect()?;
        Ok(true)
    }

    /// Every model, ordered by name.
    ///
    /// # Errors
    /// The store itself cannot be read. What is wrong with single models stands in [`ListedModel`].
    pub fn list(&self) -> Result<Vec<ListedModel>, ModelStoreError> {
        let _lock = self.lock()?;
        Ok(self.names()?.into_iter().map(|name| ListedModel { stored: self.read(&name), name }).collect())
    }

    /// Size of a file of a model, in bytes.
    ///
    /// # Errors
    /// It is not there.
    pub fn size(&self, digest: &Digest) -> Result<u64, ModelStoreError> {
        let path = self.blob_path(digest);
        Ok(fs::metadata(&path).map_err(failed("read", &path))?.len())
    }

    /// Opens a file of a model, which is hashed as a whole: seconds for a large one, so not on a thread that must not wait.
    ///
    /// # Errors
    /// It is not there, or is not what was installed.
    pub fn open_blob(&self, digest: &Digest) -> Result<Blob, ModelStoreError> {
        Ok(Blob::open(&self.blob_path(digest), *digest)?)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join(BLOBS).join(digest.to_hex())
    }

    /// Copies a file in, unless it is there, and gives its digest. Under another name than `wanted` nothing is left behind.
    fn keep(&self, path: &Path, wanted: Digest) -> Result<Digest, ModelStoreError> {
        let place = self.blob_path(&wanted);
        if place.try_exists().map_err(failed("read", &place))? && copy(&place, None)? == wanted {
            return Ok(wanted);
        }
        let new = self.root.join(BLOBS).join(format!("{NEW_PREFIX}{}", wanted.to_hex()));
        let copied = copy(path, Some(&new));
        if !matches!(&copied, Ok(found) if *found == wanted) {
            let _ = fs::remove_file(&new);
            return copied;
        }
        fs::rename(&new, &place).map_err(failed("keep", &place))?;
        let blobs = self.root.join(BLOBS);
        sync_dir(&blobs).map_err(failed("sync", &blobs))?;
        copied
    }

    /// Removes blobs that no model has. While an entry cannot be read, all stay: it may have any of them.
    fn collect(&self) -> Result<(), ModelStoreError> {
        let mut wanted = BTreeSet::new();
        for name in self.names()? {
            let Ok(entry) = self.entry(&name) else { return Ok(()) };
            wanted.extend(entry.files.values().map(Digest::to_hex));
        }
        let blobs = self.root.join(BLOBS);
        for entry in blobs.read_dir().map_err(failed("list", &blobs))? {
            let path = entry.map_err(failed("list", &blobs))?.path();
            let keep = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| wanted.contains(name));
            if !keep {
                remove_tree(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> Result<File, ModelStoreError> {
        let path = self.root.join(LOCK);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(failed("lock", &path))?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))
            .map_err(|error| failed("lock", &path)(error.into()))?;
        recover(&self.root).map_err(failed("clean up", &self.root))?;
        Ok(file)
    }

    fn names(&self) -> Result<Vec<ComponentName>, ModelStoreError> {
        let mut names = Vec::new();
        for entry in self.root.read_dir().map_err(failed("list", &self.root))? {
            let entry = entry.map_err(failed("list", &self.root))?;
            let named = entry.file_name().to_str().filter(|name| *name != BLOBS).and_then(|name| name.parse().ok());
            if let Some(name) = named
                && entry.path().is_dir()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn part(&self, name: &ComponentName, file: &str, max: u64) -> Result<Vec<u8>, ModelStoreError> {
        read_file(&self.root.join(name.as_str()).join(file), max, Links::Refuse)?
            .ok_or_else(|| ModelStoreError::Damaged { name: name.clone(), source: None })
    }

    fn entry(&self, name: &ComponentName) -> Result<Entry, ModelStoreError> {
        let bytes = self.part(name, ENTRY, MAX_ENTRY)?;
        let read = serde_json::from_slice(&bytes);
        read.map_err(|source| ModelStoreError::Damaged { name: name.clone(), source: Some(source) })
    }

    fn read(&self, name: &ComponentName) -> Result<StoredModel, ModelStoreError> {
        let entry = self.entry(name)?;
        let manifest = self.part(name, MODEL_MANIFEST, MAX_MANIFEST)?;
        let signature = self.part(name, SIGNATURE, signature_max())?;
        Ok(StoredModel { name: name.clone(), manifest, signature, added: entry.added })
    }
}

fn signature_max() -> u64 {
    u64::try_from(MAX_SIGNATURE_BYTES).unwrap_or(u64::MAX)
}

fn write_model(new: &Path, from: &ModelFolder, entry: &Entry) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(new)?;
    write_new(&new.join(MODEL_MANIFEST), &from.manifest)?;
    write_new(&new.join(SIGNATURE), from.signature.as_deref().unwrap_or_default())?;
    write_new(&new.join(ENTRY), &serde_json::to_vec_pretty(entry)?)?;
    sync_dir(new)
}

/// Hashes a file, and copies what is hashed into a new one if `to` names it, which is on the disk then.
fn copy(path: &Path, to: Option<&Path>) -> Result<Digest, ModelStoreError> {
    let failed_read = |source| ModelStoreError::Io { action: "read", path: path.to_owned(), source };
    let mut from = match open_regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ModelStoreError::NoFile(path.to_owned())),
        opened => opened.map_err(failed_read)?,
    };
    let mut to = match to {
        None => None,
        Some(to) => {
            let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o400).open(to);
            Some((made.map_err(failed("write", to))?, to))
        }
    };
    let (mut hasher, mut buffer, mut total) = (Hasher::new(), vec![0; CHUNK], 0u64);
    loop {
        let read = match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(failed_read)?,
        };
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        total = total.saturating_add(read as u64);
        if total > MAX_FILE {
            return Err(ModelStoreError::TooBig(path.to_owned()));
        }
        hasher.update(bytes);
        if let Some((file, to)) = &mut to {
            file.write_all(bytes).map_err(failed("write", to))?;
        }
    }
    if let Some((file, to)) = &to {
        file.sync_all().map_err(failed("write", to))?;
    }
    Ok(hasher.finish())
}

/// A regular file; opening a pipe would wait for somebody who writes.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ModelStoreError {
    let path = path.to_owned();
    move |source| ModelStoreError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
