//! Keys of the node: secrets that it makes, gives out once, and keeps the hashes of.
//!
//! ```text
//! tg_ and 43 characters out of 0-9 A-Z a-z, each of the same likelihood: 256 bits
//! ```
//!
//! Kept is the SHA-256 of each. Slow hashes protect passwords, which people choose and others guess; nobody guesses 256
//! random bits, however fast the hash is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::Secret;

/// What every key begins with: tools that look for secrets in source code can find it.
pub const PREFIX: &str = "tg_";
/// Characters after it.
const LENGTH: usize = 43;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Keys of a node: each request with a key is compared with all of them.
const KEYS: usize = 1_000;

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyRecord {
    /// Its name: who has it.
    pub name: String,
    /// SHA-256 of it, hexadecimal.
    pub sha256: String,
    /// Since when, in seconds since 1970.
    pub created: u64,
}

/// The file of a node's keys. Other processes change it while a host runs: it is read again when it is another one.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    keys: Arc<Vec<KeyRecord>>,
}

/// What differs between two versions of a file: each is a file of its own that takes the place of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    keys: Vec<KeyRecord>,
}

/// The keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system.
    #[error("cannot use the keys in `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else wrote it, or another version.
    #[error("`{}` holds no keys of this version", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Others may write it.
    #[error("others than its owner may change `{path}`, and so let themselves in: run `chmod 600 {path}`, and look at what is in it", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// There is one of that name.
    #[error(
        "there is a key `{0}` already: choose another name, or take it away first with `tidegate access remove {0}`"
    )]
    Present(String),
    /// There is none of that name.
    #[error("there is no key `{0}`: `tidegate access list` shows those there are")]
    Absent(String),
    /// A name that policies could not use.
    #[error("`{0}` is no name for a key: 1 to 63 letters, digits, `-`, `_` and `.`, beginning with a letter or digit")]
    Name(String),
    /// Enough.
    #[error("this node has {KEYS} keys: take some away first")]
    Full,
    /// No randomness.
    #[error("this machine has no source of randomness")]
    Random,
}

impl KeyFile {
    /// The keys in a file, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), known: Mutex::default() }
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read, or others may write it.
    pub fn list(&self) -> Result<Arc<Vec<KeyRecord>>, KeyFileError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let about = match fs::metadata(&self.path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Arc::default()),
            Err(source) => return Err(self.failed(source)),
        };
        if about.mode() & 0o022 != 0 {
            return Err(KeyFileError::Exposed { path: self.path.clone() });
        }
        let stamp = Stamp { inode: about.ino(), size: about.size(), modified: (about.mtime(), about.mtime_nsec()) };
        if let Some(known) = known.as_ref().filter(|known| known.stamp == stamp) {
            return Ok(Arc::clone(&known.keys));
        }
        let bytes = fs::read(&self.path).map_err(|source| self.failed(source))?;
        let content: Content =
            serde_json::from_slice(&bytes).map_err(|source| KeyFileError::Form { path: self.path.clone(), source })?;
        let keys = Arc::new(content.keys);
        *known = Some(Known { stamp, keys: Arc::clone(&keys) });
        Ok(keys)
    }

    /// Makes a key and gives its secret, which nobody sees again.
    ///
    /// # Errors
    /// When the name is taken or none, or the file cannot be written.
    pub fn add(&self, name: &str) -> Result<String, KeyFileError> {
        if !is_name(name) {
            return Err(KeyFileError::Name(name.to_owned()));
        }
        let secret = generate()?;
        self.change(|keys| {
            if keys.iter().any(|key| key.name == name) {
                return Err(KeyFileError::Present(name.to_owned()));
            }
            if keys.len() >= KEYS {
                return Err(KeyFileError::Full);
            }
            let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            keys.push(KeyRecord { name: name.to_owned(), sha256: hash(&secret), created });
            Ok(())
        })?;
        Ok(secret)
    }

    /// Takes a key away: it opens nothing from now on, in a running host too.
    ///
    /// # Errors
    /// When there is none, or the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), KeyFileError> {
        self.change(|keys| {
            let before = keys.len();
            keys.retain(|key| key.name != name);
            if keys.len() == before { Err(KeyFileError::Absent(name.to_owned())) } else { Ok(()) }
        })
    }

    /// The name of the key that a client shows. All are compared, each in the same time whatever it is.
    pub(crate) fn find(&self, secret: &Secret) -> Result<Option<String>, KeyFileError> {
        let shown = hash(secret.expose());
        let keys = self.list()?;
        let mut found = None;
        for key in keys.iter() {
            if bool::from(key.sha256.as_bytes().ct_eq(shown.as_bytes())) {
                found = Some(key.name.clone());
            }
        }
        Ok(found)
    }

    /// Writes the file anew, one process after the other.
    fn change(&self, change: impl FnOnce(&mut Vec<KeyRecord>) -> Result<(), KeyFileError>) -> Result<(), KeyFileError> {
        let _turn = self.turn().map_err(|source| self.failed(source))?;
        let mut keys = self.list()?.to_vec();
        change(&mut keys)?;
        let text = serde_json::to_vec_pretty(&Content { version: 1, keys })
            .map_err(|source| KeyFileError::Form { path: self.path.clone(), source })?;
        self.write(&text).map_err(|source| self.failed(source))
    }

    fn turn(&self) -> io::Result<File> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.path.with_extension("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    /// Whole or not at all, also when the machine stops in the middle.
    fn write(&self, text: &[u8]) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn failed(&self, source: io::Error) -> KeyFileError {
        KeyFileError::File { path: self.path.clone(), source }
    }
}

/// As the policy has it.
fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    letters && text.len() <= 63 && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}

fn generate() -> Result<String, KeyFileError> {
    let random = SystemRandom::new();
    let mut secret = String::from(PREFIX);
    let mut bytes = [0; 64];
    while secret.len() < PREFIX.len() + LENGTH {
        random.fill(&mut bytes).map_err(|_| KeyFileError::Random)?;
        // Of 256 values 248 are four times the alphabet; the rest would make its first letters likelier.
        let letters = bytes.iter().filter(|byte| **byte < 248);
        let letters = letters.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        let missing = PREFIX.len() + LENGTH - secret.len();
        secret.extend(letters.take(missing).map(|letter| char::from(*letter)));
    }
    Ok(secret)
}

fn hash(secret: &str) -> String {
    digest(&SHA256, secret.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
