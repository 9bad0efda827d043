//! Where the values of secrets are.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

/// Largest secret, in bytes: a key or a token, not a data set. A file that is no secret would fill the host's memory.
const MAX_SECRET: u64 = 64 * 1024;

/// Where the values of all secrets of the node are, by name. Values appear in no `Debug` output.
#[derive(Debug, Clone, Default)]
pub struct SecretSource {
    places: BTreeMap<String, Where>,
}

/// Where one secret is.
#[derive(Clone)]
pub enum Where {
    /// In a file, read whenever a component opens the secret, so that a changed file needs no restart. One line end at
    /// the end of the file does not belong to the secret. At most 64 KiB.
    File(PathBuf),
    /// It was in an environment variable, which the configuration has read.
    Environment {
        /// The variable's name.
        variable: String,
        /// Its value.
        value: String,
    },
}

impl SecretSource {
    /// The places of secrets, by name.
    #[must_use]
    pub fn new(places: BTreeMap<String, Where>) -> Self {
        Self { places }
    }

    /// Whether there is a place for a secret of this name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The value, or where it was looked for in vain.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        match self.places.get(name) {
            None => Err(format!("the node's configuration has no place for the secret `{name}`")),
            Some(Where::Environment { variable, value }) if value.is_empty() => {
                Err(format!("the secret `{name}` was looked for in the environment variable `{variable}`: it is empty"))
            }
            Some(Where::Environment { value, .. }) => Ok(value.clone().into_bytes()),
            Some(Where::File(path)) => read_file(path).map_err(|error| {
                format!("the secret `{name}` was looked for in the file `{}`: {error}", path.display())
            }),
        }
    }
}

fn read_file(path: &PathBuf) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SECRET + 3).read_to_end(&mut bytes)?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_SECRET) {
        return Err(std::io::Error::other(format!("it is larger than {MAX_SECRET} bytes")));
    }
    Ok(bytes)
}

impl fmt::Debug for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Environment { variable, .. } => {
                f.debug_struct("Environment").field("variable", variable).finish_non_exhaustive()
            }
        }
    }
}
