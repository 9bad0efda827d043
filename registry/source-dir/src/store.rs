//! The installed components of a node.
//!
//! ```text
//! STATE/components/
//!   .lock                       held while the store is read or changed
//!   .new-NAME/                  being written; worthless after a crash
//!   .old-NAME/                  the former one, where directories cannot be swapped at once
//!   NAME/component.wasm
//!   NAME/signature.sigstore.json  or  NAME/receipt
//!   NAME/component.TARGET.cwasm, NAME/component.TARGET.cwasm.sigstore.json   where the node runs signed native code
//!   NAME/entry.json
//! ```
//!
//! Crash at any instruction: `NAME/` is complete, old or new, or not there as before. Files and directories are synced
//! before the rename that makes them count, and the parent after it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use tidegate_bundle::{Bundle, CodeTarget, MAX_COMPONENT_BYTES, MAX_SIGNATURE_BYTES, NativeFile};
use tidegate_reference::{ComponentName, Reference};

use crate::entry::{Entry, Installed, Listed, Proof, StoreError};
use crate::file::{Links, read_file, sync_dir, write_new};
use crate::read::{MAX_RECEIPT_BYTES, SIGNATURE_SUFFIX, beside, native_path, read_native};
use crate::swap::{NEW_PREFIX, put_in_place, recover, remove_tree};

const COMPONENT: &str = "component.wasm";
const SIGNATURE: &str = "signature.sigstore.json";
const RECEIPT: &str = "receipt";
const ENTRY: &str = "entry.json";
const LOCK: &str = ".lock";
/// An entry has about 200 bytes.
const MAX_ENTRY_BYTES: u64 = 4_096;

/// The installed components of a node. Every method locks the store against other processes while it runs, and first
/// cleans up what a crash may have left.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in `state`, the node's state directory. Made if it is not there, readable by this user only.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let root = state.join("components");
        DirBuilder::new().recursive(true).mode(0o700).create(&root).map_err(failed("make the directory", &root))?;
        Ok(Self { root })
    }

    /// Where the components are.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Installs `bundle` as `reference`, in place of another component of that name, with the native code that this node
    /// runs in place of compiling, if it does. When this returns, it is on the disk. `added` is the time in seconds since 1970
    /// (UTC), if the caller wants it kept.
    ///
    /// The caller has verified the bundle and the native code; whoever lists them verifies again.
    ///
    /// # Errors
    /// The operating system: the store then holds what it held before.
    pub fn install(
        &self,
        bundle: &Bundle,
        reference: &Reference,
        proof: &Proof,
        native: Option<&NativeFile>,
        added: Option<u64>,
    ) -> Result<Entry, StoreError> {
        let _lock = self.lock()?;
        let name = &reference.name;
        let sequence = self.sequence_for(name)?;
        let entry = Entry { sequence, reference: reference.clone(), digest: bundle.digest(), added };
        let new = self.root.join(format!("{NEW_PREFIX}{name}"));
        if let Err(error) = write_component(&new, bundle, proof, native, &entry) {
            // On a full disk, what was written of it is in everybody's way; the first error is the one to tell.
            let _ = remove_tree(&new);
            return Err(failed("write", &new)(error));
        }
        put_in_place(&self.root, name).map_err(failed("replace", &self.root.join(name.as_str())))?;
        Ok(entry)
    }

    /// Removes a component; `false` if there is none of that name. When this returns, it is gone from the disk.
    ///
    /// # Errors
    /// The operating system.
    pub fn remove(&self, name: &ComponentName) -> Result<bool, StoreError> {
        let _lock = self.lock()?;
        let path = self.root.join(name.as_str());
        // Renamed first: a half-removed component would look damaged after a crash.
        let doomed = self.root.join(format!("{NEW_PREFIX}{name}"));
        match fs::rename(&path, &doomed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            renamed => renamed.map_err(failed("remove", &path))?,
        }
        sync_dir(&self.root).map_err(failed("sync", &self.root))?;
        remove_tree(&doomed).map_err(failed("remove", &doomed))?;
        Ok(true)
    }

    /// The names of what is installed, in the order of addition; those without a record of it last. Reads no component:
    /// what is installed may be more than the node's memory holds at once.
    ///
    /// # Errors
    /// The store itself cannot be read.
    pub fn installed(&self) -> Result<Vec<ComponentName>, StoreError> {
        let _lock = self.lock()?;
        let mut names = self.names()?;
        names.sort_by_cached_key(|name| {
            let sequence = self.read_entry(name).map_or(u64::MAX, |entry| entry.sequence);
            (sequence, name.clone())
        });
        Ok(names)
    }

    /// Every installed component, in the order of addition; damaged ones last. `native`: the targets whose native code is
    /// wanted too.
    ///
    /// # Errors
    /// The store itself cannot be read. What is wrong with single components stands in [`Listed`].
    pub fn list(&self, native: &[CodeTarget]) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        for name in self.installed()? {
            // What is not there any more was removed just now.
            if let Some(installed) = self.get(&name, native).transpose() {
                listed.push(Listed { installed, name });
            }
        }
        listed.sort_by_key(|place| place.installed.is_err());
        Ok(listed)
    }

    /// One installed component, if it is there. `native`: the targets whose native code is wanted too.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn get(&self, name: &ComponentName, native: &[CodeTarget]) -> Result<Option<Installed>, StoreError> {
        let _lock = self.lock()?;
        if self.names()?.contains(name) { self.read(name, native).map(Some) } else { Ok(None) }
    }

    /// Waits for other processes; the lock ends with the returned file, and with the process.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.root.join(LOCK);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(failed("lock", &path))?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))
            .map_err(|error| failed("lock", &path)(error.into()))?;
        recover(&self.root).map_err(failed("clean up", &self.root))?;
        Ok(file)
    }

    /// The directories with a component's name. Others are none of ours.
    fn names(&self) -> Result<Vec<ComponentName>, StoreError> {
        let mut names = Vec::new();
        for entry in self.root.read_dir().map_err(failed("list", &self.root))? {
            let entry = entry.map_err(failed("list", &self.root))?;
            let is_dir = entry.file_type().map_err(failed("list", &entry.path()))?.is_dir();
            if let Some(name) = entry.file_name().to_str().and_then(|name| name.parse().ok())
                && is_dir
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// The place of the component that is replaced, or the next one. A damaged entry has lost its place.
    fn sequence_for(&self, name: &ComponentName) -> Result<u64, StoreError> {
        if let Ok(entry) = self.read_entry(name) {
            return Ok(entry.sequence);
        }
        let entries = self.names()?.into_iter().filter_map(|name| self.read_entry(&name).ok());
        Ok(entries.map(|entry| entry.sequence).max().unwrap_or(0).saturating_add(1))
    }

    fn read_entry(&self, name: &ComponentName) -> Result<Entry, StoreError> {
        let bytes = self.read_part(name, ENTRY, MAX_ENTRY_BYTES)?;
        let bytes = bytes.ok_or_else(|| StoreError::Incomplete { name: name.clone(), file: ENTRY })?;
        serde_json::from_slice(&bytes).map_err(|source| StoreError::Entry { name: name.clone(), source })
    }

    fn read_part(&self, name: &ComponentName, file: &str, max: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(read_file(&self.root.join(name.as_str()).join(file), max, Links::Refuse)?)
    }

    fn read(&self, name: &ComponentName, native: &[CodeTarget]) -> Result<Installed, StoreError> {
        let missing = |file| StoreError::Incomplete { name: name.clone(), file };
        let entry = self.read_entry(name)?;
        if entry.reference.name != *name {
            return Err(StoreError::OtherName { name: name.clone(), reference: entry.reference });
        }
        let component = self.read_part(name, COMPONENT, MAX_COMPONENT_BYTES)?.ok_or_else(|| missing(COMPONENT))?;
        let signature_max = u64::try_from(MAX_SIGNATURE_BYTES).unwrap_or(u64::MAX);
        let signature = self.read_part(name, SIGNATURE, signature_max)?;
        let receipt = self.read_part(name, RECEIPT, MAX_RECEIPT_BYTES)?;
        if signature.is_none() && receipt.is_none() {
            return Err(missing(SIGNATURE));
        }
        let bundle = Bundle::new(component, signature.into_iter().collect())
            .map_err(|source| StoreError::Bundle { name: name.clone(), source })?
            .with_origin(name.as_str());
        if bundle.digest() != entry.digest {
            return Err(StoreError::Changed { name: name.clone(), entry: entry.digest, found: bundle.digest() });
        }
        let component = self.root.join(name.as_str()).join(COMPONENT);
        let native = native
            .iter()
            .filter_map(|target| read_native(&native_path(&component, *target), *target, Links::Refuse).transpose());
        let native = native.collect::<Result<_, _>>()?;
        Ok(Installed { entry, bundle, receipt, native })
    }
}

/// A complete component in a directory that does not count yet.
fn write_component(
    new: &Path,
    bundle: &Bundle,
    proof: &Proof,
    native: Option<&NativeFile>,
    entry: &Entry,
) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(new)?;
    write_new(&new.join(COMPONENT), bundle.bytes())?;
    match proof {
        Proof::Signature(bytes) => write_new(&new.join(SIGNATURE), bytes)?,
        Proof::Receipt(bytes) => write_new(&new.join(RECEIPT), bytes)?,
    }
    if let Some(native) = native {
        let path = native_path(&new.join(COMPONENT), native.target());
        write_new(&path, native.code())?;
        write_new(&beside(&path, SIGNATURE_SUFFIX), native.signature().unwrap_or_default())?;
    }
    let mut json = serde_json::to_vec_pretty(entry)?;
    json.push(b'\n');
    write_new(&new.join(ENTRY), &json)?;
    sync_dir(new)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
