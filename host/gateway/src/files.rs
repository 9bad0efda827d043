//! What a node keeps in its state directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tidegate_attestation::HostKey;

/// Where things are in a state directory.
#[derive(Debug, Clone)]
pub struct StatePaths {
    /// The directory itself; readable by the host's user only.
    pub root: PathBuf,
}

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It cannot be made.
    #[error("cannot make the directory `{}`", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file in it cannot be read or written.
    #[error("cannot read or write `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The host key is damaged.
    #[error("the host key `{}` is damaged: remove it, and build or add components again that were built here", path.display())]
    HostKey {
        /// The file.
        path: PathBuf,
    },
    /// The host key can be read by others.
    #[error("the host key `{}` can be read by others than its owner: `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The seal key is none.
    #[error(
        "`{}` holds no seal key, which has 32 bytes: `head -c 32 /dev/urandom >{}` makes one, for all hosts that share it",
        path.display(),
        path.display()
    )]
    SealKey {
        /// The file.
        path: PathBuf,
    },
    /// The seal key can be read by others.
    #[error("the seal key `{}` can be read by others than its owner: `chmod 600 {}`", path.display(), path.display())]
    ExposedSealKey {
        /// The file.
        path: PathBuf,
    },
    /// No random numbers.
    #[error("the system gives no random numbers, so no host key can be made")]
    Random,
}

impl StatePaths {
    /// The paths in `root`, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self, FilesError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(root);
        made.map_err(|source| FilesError::Make { path: root.to_owned(), source })?;
        Ok(Self { root: root.to_owned() })
    }

    /// The key that authenticates this host's cache and its receipts for local builds.
    #[must_use]
    pub fn host_key(&self) -> PathBuf {
        self.root.join("host.key")
    }

    /// Compiled code.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Durable mailboxes.
    #[must_use]
    pub fn mailboxes(&self) -> PathBuf {
        self.root.join("mailboxes.redb")
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.root.join("audit.jsonl")
    }

    /// Hashes of the keys that clients show.
    #[must_use]
    pub fn access_keys(&self) -> PathBuf {
        self.root.join("access-keys.json")
    }

    /// Where a running host takes commands.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// Reads the host key, or makes it on first use.
    ///
    /// # Errors
    /// When it cannot be read or made, or others can read it.
    pub fn load_host_key(&self) -> Result<HostKey, FilesError> {
        let path = self.host_key();
        let failed = |source| FilesError::File { path: path.clone(), source };
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.make_host_key() {
                // Another process was quicker: its key is the key.
                Err(FilesError::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                    fs::File::open(&path).map_err(failed)?
                }
                made => return made,
            },
            Err(error) => return Err(failed(error)),
        };
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(FilesError::Exposed { path });
        }
        let mut bytes = Vec::new();
        file.take(64).read_to_end(&mut bytes).map_err(failed)?;
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| FilesError::HostKey { path })?;
        Ok(HostKey::from_bytes(bytes))
    }

    /// Reads a key under which several hosts seal what clients carry between them.
    ///
    /// # Errors
    /// When it cannot be read, has not 32 bytes, or others can read it. Its group may, for secrets that a cluster mounts.
    pub fn read_seal_key(path: &Path) -> Result<[u8; 32], FilesError> {
        let failed = |source| FilesError::File { path: path.to_owned(), source };
        let file = fs::File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.permissions().mode() & 0o007 != 0 {
            return Err(FilesError::ExposedSealKey { path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        file.take(64).read_to_end(&mut bytes).map_err(failed)?;
        <[u8; 32]>::try_from(bytes).map_err(|_| FilesError::SealKey { path: path.to_owned() })
    }

    /// Writes a new key under another name first, so that no reader sees half of one.
    fn make_host_key(&self) -> Result<HostKey, FilesError> {
        let key = HostKey::generate().map_err(|_| FilesError::Random)?;
        let path = self.host_key();
        let new = self.root.join(format!(".host.key.{}.{:?}", std::process::id(), std::thread::current().id()));
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(key.as_bytes())?;
            file.sync_all()?;
            // A link fails where a rename would replace another process's key.
            let linked = fs::hard_link(&new, &path);
            fs::remove_file(&new)?;
            linked
        };
        write().map_err(|source| FilesError::File { path: path.clone(), source })?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_host_key_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let paths = StatePaths::open(&dir.path().join("a/b")).unwrap();
        let first = paths.load_host_key().unwrap();
        assert_eq!(first.as_bytes(), paths.load_host_key().unwrap().as_bytes());
        assert_eq!(fs::metadata(paths.host_key()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&paths.root).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&paths.root).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_damaged_or_exposed_host_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let paths = StatePaths::open(dir.path()).unwrap();
        paths.load_host_key().unwrap();
        fs::set_permissions(paths.host_key(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(paths.load_host_key(), Err(FilesError::Exposed { .. })));
        fs::set_permissions(paths.host_key(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(paths.host_key(), b"short").unwrap();
        assert!(matches!(paths.load_host_key(), Err(FilesError::HostKey { .. })));
    }

    #[test]
    fn a_seal_key_has_32_bytes_that_others_do_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seal.key");
        assert!(matches!(StatePaths::read_seal_key(&path), Err(FilesError::File { .. })));
        for wrong in [&[7; 31][..], &[7; 33], b""] {
            fs::write(&path, wrong).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = StatePaths::read_seal_key(&path).unwrap_err();
            assert!(error.to_string().contains("head -c 32 /dev/urandom"), "{error}");
        }
        fs::write(&path, [7; 32]).unwrap();
        for (mode, taken) in [(0o600, true), (0o440, true), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(StatePaths::read_seal_key(&path).is_ok(), taken, "{mode:o}");
        }
    }

    #[test]
    fn two_that_start_at_once_get_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let paths = StatePaths::open(dir.path()).unwrap();
        let start = std::sync::Barrier::new(8);
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        *paths.load_host_key().unwrap().as_bytes()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair.first() == pair.last()));
    }
}
