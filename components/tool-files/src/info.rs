//! `file_info`, and what a directory entry is.
use std::fs::{self, Metadata};
use std::time::UNIX_EPOCH;

use tidegate_sdk::prelude::*;

use crate::paths;

/// Kind, size and time of change of a file or directory, without reading it.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FileInfo {
    /// Absolute path, or relative when only one directory is granted.
    path: String,
}

/// What is at a path.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Info {
    /// The path.
    pub(crate) path: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// Size in bytes; 0 for directories.
    pub(crate) size: u64,
    /// When it was last changed, seconds since 1970 in UTC; absent where the file system does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) modified_unix: Option<u64>,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, which is not followed.
    Link,
    /// A device, a socket or a pipe.
    Other,
}

impl Info {
    pub(crate) fn new(path: String, metadata: &Metadata) -> Self {
        let kind = match metadata.file_type() {
            kind if kind.is_symlink() => Kind::Link,
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_file() => Kind::File,
            _ => Kind::Other,
        };
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            path,
            kind,
            size: if kind == Kind::Directory { 0 } else { metadata.len() },
            modified_unix: modified.map(|since| since.as_secs()),
        }
    }

    pub(crate) fn line(&self) -> String {
        match self.kind {
            Kind::File => format!("{} ({} bytes)", self.path, self.size),
            Kind::Directory => format!("{}/", self.path.trim_end_matches('/')),
            Kind::Link => format!("{} (link)", self.path),
            Kind::Other => format!("{} (device, socket or pipe)", self.path),
        }
    }
}

pub(crate) fn file_info(input: FileInfo, _call: &Call) -> Result<Structured<Info>, ToolError> {
    let path = paths::resolve(&input.path)?;
    let metadata = fs::symlink_metadata(&path).map_err(|error| paths::explain(&path, &error))?;
    let info = Info::new(path.display().to_string(), &metadata);
    let line = info.line();
    Ok(Structured::new(info).text(line))
}
