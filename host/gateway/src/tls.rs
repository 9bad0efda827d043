//! Certificate and key from files, read again when they change.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_transport_http::{Tls, TlsError};
use tokio::task::JoinHandle;

/// How often the files are looked at: whoever renews a certificate does so weeks before the old one ends.
const LOOK: Duration = Duration::from_secs(10);

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, PEM, the host's own certificate first.
    pub certificate: PathBuf,
    /// Its private key, PEM; for this user only.
    pub key: PathBuf,
}

/// Certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFilesError {
    /// A file cannot be read.
    #[error("cannot read `{}`, which `[tls]` names", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read the key.
    #[error("the TLS key `{path}` can be read by others than its owner: run `chmod 600 {path}`, and get a new certificate with a new key if somebody did", path = path.display())]
    Exposed {
        /// The key.
        path: PathBuf,
    },
    /// What is in them does not do.
    #[error("`{}` and `{}` cannot be used for TLS", certificate.display(), key.display())]
    Content {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        source: TlsError,
    },
}

/// Reads the files again when they change, as long as it lives.
pub(crate) struct TlsWatch {
    tls: Tls,
    looking: JoinHandle<()>,
}

/// What differs between two versions of the files.
type Stamp = Option<[(u64, u64, i64, i64); 2]>;

impl TlsWatch {
    pub(crate) fn start(files: TlsFiles) -> Result<Self, TlsFilesError> {
        let mut seen = files.stamp();
        let (chain, key) = files.read()?;
        let tls = Tls::new(&chain, &key).map_err(|source| files.content(source))?;
        let looking = tokio::spawn({
            let tls = tls.clone();
            async move {
                loop {
                    tokio::time::sleep(LOOK).await;
                    let now = files.stamp();
                    if now == seen || now.is_none() {
                        continue;
                    }
                    seen = now;
                    let read = files.read();
                    let replaced =
                        read.and_then(|(chain, key)| tls.replace(&chain, &key).map_err(|source| files.content(source)));
                    let certificate = files.certificate.display();
                    match replaced {
                        Ok(()) => tracing::info!(%certificate, "the certificate was read again"),
                        // Half written, or the other file is still the old one: it is looked at again.
                        Err(error) => {
                            let problem = crate::host::chain(&error);
                            tracing::error!(%certificate, problem, "the new certificate is not used; the old one goes on");
                        }
                    }
                }
            }
        });
        Ok(Self { tls, looking })
    }

    pub(crate) fn tls(&self) -> Tls {
        self.tls.clone()
    }
}

impl Drop for TlsWatch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl TlsFiles {
    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), TlsFilesError> {
        let read = |path: &Path| fs::read(path).map_err(|source| TlsFilesError::Read { path: path.to_owned(), source });
        let about = fs::metadata(&self.key).map_err(|source| TlsFilesError::Read { path: self.key.clone(), source })?;
        // Its group may read it: a cluster mounts secrets for the group of the process.
        if about.mode() & 0o037 != 0 {
            return Err(TlsFilesError::Exposed { path: self.key.clone() });
        }
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    fn stamp(&self) -> Stamp {
        let stamp = |path: &Path| {
            let about = fs::metadata(path).ok()?;
            Some((about.ino(), about.size(), about.mtime(), about.mtime_nsec()))
        };
        Some([stamp(&self.certificate)?, stamp(&self.key)?])
    }

    fn content(&self, source: TlsError) -> TlsFilesError {
        TlsFilesError::Content { certificate: self.certificate.clone(), key: self.key.clone(), source }
    }
}
