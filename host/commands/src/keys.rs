//! Key files.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::{fs, io};

use anyhow::Context as _;
use tidegate::attestation::{PrivateKey, PublicKey};

use crate::failure::{Blame as _, Exit, Result, fail};

/// Longest key file, in bytes: keys are a few hundred.
const MAX_BYTES: u64 = 16 * 1024;

/// The public half of a key file of either kind.
///
/// # Errors
/// It is no key, or cannot be read.
pub fn public_key(path: &Path) -> Result<PublicKey> {
    let (text, _) = read(path)?;
    let key = match PrivateKey::from_pem(&text) {
        Ok(private) => Ok(private.public_key()),
        Err(_) if !text.contains("PRIVATE KEY-----") => PublicKey::from_pem(&text),
        Err(error) => Err(error),
    };
    key.with_context(|| format!("`{}` is no key that can be used", path.display())).blame(Exit::Usage)
}

/// The text of a key file, and its mode if it is a regular file.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<(String, Option<u32>)> {
    use io::Read as _;
    let shown = path.display();
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(fail!(NotFound, "there is no key `{shown}`: make one with `tidegate key new --out {shown}`"));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read the key `{shown}`")).blame(Exit::Usage),
    };
    let about = file.metadata()?;
    let mode = about.is_file().then(|| about.permissions().mode());
    let mut text = String::new();
    let read = file.take(MAX_BYTES).read_to_string(&mut text);
    read.with_context(|| format!("cannot read the key `{shown}`")).blame(Exit::Usage)?;
    Ok((text, mode))
}
