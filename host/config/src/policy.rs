//! Policy files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use tidegate_grant::Origin;
use tidegate_rules::{Policy, PolicyError, PublicKey, SignedBy, Source, TrustedRoot, parse};

/// Why there is no policy. The host does not start without one that it understood completely.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// A policy file cannot be read.
    #[error("cannot read the policy file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that a signer names cannot be read.
    #[error("cannot read the {what} of signer `{signer}`, `{}`", path.display())]
    Key {
        /// Public key, or trusted root.
        what: &'static str,
        /// The signer.
        signer: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A signer has an identity, and nothing says which authorities may certify it.
    #[error(
        "the signer `{signer}` ({origin}) has an `identity`, and nothing says which authorities certify it: give it a \
         `trusted-root-file`, or set `trusted-root` in the configuration file"
    )]
    NoRoot {
        /// The signer.
        signer: String,
        /// The line.
        origin: Origin,
    },
    /// The policy files have problems: all of them, one a line.
    #[error("{0}")]
    Policy(PolicyError),
}

/// Reads policy files as one policy, and the public keys and trusted roots that it names: afterwards every
/// key is [`PublicKey::Pem`], every root [`TrustedRoot::Json`].
/// Relative paths start from the folder of the file they stand in. `trusted_root`: the file for signers that name none.
///
/// # Errors
/// Files that cannot be read, and every problem in them.
pub fn read_policy(files: &[PathBuf], trusted_root: Option<&Path>) -> Result<Policy, PolicyFileError> {
    let read = |path: &PathBuf| match fs::read_to_string(path) {
        Ok(text) => Ok(source(path, text)),
        Err(source) => Err(PolicyFileError::Read { path: path.clone(), source }),
    };
    let sources = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut policy = parse(&sources).map_err(PolicyFileError::Policy)?;
    for (name, signer) in &mut policy.signers {
        let read = |what, path: &Path| {
            let read = fs::read_to_string(path);
            read.map_err(|source| PolicyFileError::Key { what, signer: name.clone(), path: path.to_owned(), source })
        };
        match &mut signer.by {
            SignedBy::Key(key) => {
                if let PublicKey::File(path) = key {
                    *key = PublicKey::Pem(read("public key", path)?);
                }
            }
            SignedBy::Identity { root, .. } => {
                let path = match &*root {
                    TrustedRoot::Json(_) => continue,
                    TrustedRoot::File(path) => path,
                    TrustedRoot::OfTheNode => trusted_root.ok_or_else(|| {
                        let (signer, origin) = (name.clone(), signer.origin.clone());
                        PolicyFileError::NoRoot { signer, origin }
                    })?,
                };
                *root = TrustedRoot::Json(read("trusted root", path)?);
            }
        }
    }
    Ok(policy)
}

fn source(path: &Path, text: String) -> Source {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().unwrap_or(Path::new("/")).to_owned();
    Source { name: path.display().to_string(), folder, text }
}
