//! Compiled code on disk, believed only with this host's HMAC.
//!
//! An entry is `DIGEST-FINGERPRINT.cwasm`: 8 bytes magic and format version, 32 bytes HMAC-SHA256, then the code. The
//! HMAC covers the magic, the component's digest, the runtime's fingerprint and the code. One flipped bit in native code can
//! crash the process or worse, so nothing is looked at before the HMAC is right.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ring::hmac;
use tracing::{debug, warn};

use crate::config::HostKey;
use crate::text::hex;

const MAGIC: &[u8; 8] = b"TGCWASM1";
const HEADER: usize = MAGIC.len() + 32;
const SUFFIX: &str = ".cwasm";
const TEMPORARY: &str = ".tmp";
/// The host's key has other uses too: this one gets a key of its own.
const PURPOSE: &[u8] = b"tidegate cache entry v1";
/// What a crash left half-written is removed after this time; an entry is written in milliseconds.
const STALE: Duration = Duration::from_secs(3600);

/// The directory of compiled code.
pub(crate) struct Cache {
    directory: PathBuf,
    key: hmac::Key,
    fingerprint: [u8; 32],
    bytes: u64,
    entry_limit: u64,
    written: AtomicU64,
}

/// An authenticated entry, in memory.
pub(crate) struct Entry(Vec<u8>);

impl Entry {
    /// The native code.
    pub(crate) fn code(&self) -> &[u8] {
        self.0.get(HEADER..).unwrap_or_default()
    }
}

impl Cache {
    /// Opens the directory, and makes it if it is not there; only its owner may enter it.
    pub(crate) fn open(
        directory: &Path,
        key: &HostKey,
        fingerprint: [u8; 32],
        bytes: u64,
        entry_limit: u64,
    ) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.0), PURPOSE);
        let key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        let directory = directory.to_owned();
        Ok(Self { directory, key, fingerprint, bytes, entry_limit, written: AtomicU64::new(0) })
    }

    /// The entry of a component, if there is one and it is ours. Another is removed.
    pub(crate) fn read(&self, digest: &[u8; 32]) -> Option<Entry> {
        let path = self.path(digest);
        let bytes = match self.read_file(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.remove(digest, &error.to_string());
                return None;
            }
        };
        let authentic = bytes
            .split_at_checked(HEADER)
            .is_some_and(|(header, code)| header.strip_prefix(MAGIC).is_some_and(|mac| self.is_mac(digest, code, mac)));
        if !authentic {
            self.remove(digest, "it was not made by this host, or was changed since");
            return None;
        }
        Some(Entry(bytes))
    }

    /// Keeps the code of a component. Failing is no error: the next start compiles again.
    pub(crate) fn write(&self, digest: &[u8; 32], code: &[u8]) {
        let path = self.path(digest);
        if let Err(error) = self.write_file(&path, digest, code) {
            warn!(path = %path.display(), %error, "cannot write the cache entry; the next start compiles again");
        }
        if let Err(error) = self.evict(&path) {
            warn!(path = %self.directory.display(), %error, "cannot tidy the cache");
        }
    }

    /// Removes the entry of a component, and says why.
    pub(crate) fn remove(&self, digest: &[u8; 32], reason: &str) {
        let path = self.path(digest);
        warn!(path = %path.display(), reason, "cache entry not used; it is removed and the component compiled again");
        if let Err(error) = fs::remove_file(&path) {
            warn!(path = %path.display(), %error, "cannot remove the cache entry");
        }
    }

    fn path(&self, digest: &[u8; 32]) -> PathBuf {
        let (digest, fingerprint) = (hex(digest), hex(&self.fingerprint));
        let short = fingerprint.get(..16).unwrap_or(&fingerprint);
        self.directory.join(format!("{digest}-{short}{SUFFIX}"))
    }

    /// Reads once, never through a link, and not more than an entry may have.
    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
        let limit = self.entry_limit.saturating_add(HEADER as u64);
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > limit {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file of a possible size"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        (&mut file).take(limit).read_to_end(&mut bytes)?;
        // The time of use, for eviction. Best effort: a read-only cache still works.
        let _ = file.set_modified(SystemTime::now());
        Ok(bytes)
    }

    fn write_file(&self, path: &Path, digest: &[u8; 32], code: &[u8]) -> io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{}-{number}{TEMPORARY}", std::process::id()));
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(MAGIC)?;
            file.write_all(self.mac(digest, code).as_ref())?;
            file.write_all(code)?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            File::open(&self.directory)?.sync_all()
        })();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn mac(&self, digest: &[u8; 32], code: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [MAGIC.as_slice(), digest, &self.fingerprint, code] {
            context.update(part);
        }
        context.sign()
    }

    /// Whether `mac` is right; compared in constant time.
    fn is_mac(&self, digest: &[u8; 32], code: &[u8], mac: &[u8]) -> bool {
        // All parts but the last have fixed lengths, so no two entries give the same input.
        let mut input = Vec::with_capacity(MAGIC.len() + 64 + code.len());
        for part in [MAGIC.as_slice(), digest, &self.fingerprint, code] {
            input.extend_from_slice(part);
        }
        hmac::verify(&self.key, &input, mac).is_ok()
    }

    /// Removes what was not used for longest until the rest is within the bound; never what was just written.
    fn evict(&self, keep: &Path) -> io::Result<()> {
        let mut entries = Vec::new();
        let mut total = 0_u64;
        let now = SystemTime::now();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let used = metadata.modified().unwrap_or(now);
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with(TEMPORARY) && now.duration_since(used).is_ok_and(|age| age > STALE) {
                let _ = fs::remove_file(&path);
            } else if name.ends_with(SUFFIX) {
                total = total.saturating_add(metadata.len());
                entries.push((used, metadata.len(), path));
            }
        }
        entries.sort();
        for (_, bytes, path) in entries {
            if total <= self.bytes {
                break;
            }
            if path == keep {
                continue;
            }
            fs::remove_file(&path)?;
            debug!(path = %path.display(), "cache entry evicted");
            total = total.saturating_sub(bytes);
        }
        Ok(())
    }
}
