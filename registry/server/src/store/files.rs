//! Contents on the disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};
use tidegate_reference::Digest;

use super::{Result, Store, StoreError, io_failed};

impl Store {
    /// Where a content lies. A digest is 64 hexadecimal digits, so that the path stays inside.
    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.to_hex();
        self.root.join("blobs/sha256").join(hex.get(..2).unwrap_or("00")).join(hex)
    }

    pub(crate) fn upload_path(&self, id: &str) -> PathBuf {
        self.root.join("uploads").join(id)
    }

    /// Moves a complete file to its name, durably: the file, then the name, then the folder.
    pub(crate) fn keep(&self, file: &File, from: &Path, digest: &Digest) -> Result<()> {
        file.sync_all().map_err(io_failed("write", from))?;
        let to = self.blob_path(digest);
        let folder = to.parent().unwrap_or(&self.root);
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => sync_folder(folder.parent().unwrap_or(folder))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_failed("make", folder)(error)),
        }
        // The same content may be there already, and then is replaced by itself: its time is new, which keeps the
        // collection away from it until it is named.
        fs::rename(from, &to).map_err(io_failed("name", &to))?;
        sync_folder(folder)
    }

    /// Writes a small content under its name.
    pub(crate) fn keep_bytes(&self, digest: &Digest, bytes: &[u8]) -> Result<()> {
        let from = self.upload_path(&format!("{}.new", random_name()?));
        let write = || -> Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&from);
            let file = file.as_mut().map_err(|error| io_failed("make", &from)(io::Error::from(error.kind())))?;
            file.write_all(bytes).map_err(io_failed("write", &from))?;
            self.keep(file, &from, digest)
        };
        write().inspect_err(|_| drop(fs::remove_file(&from)))
    }
}

pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_failed("write", folder))
}

/// 32 hexadecimal digits that nobody guesses.
pub(crate) fn random_name() -> Result<String> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| StoreError::NoRandom)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
