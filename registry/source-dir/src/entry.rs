//! What the store holds for each component.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tidegate_bundle::{Bundle, BundleError, NativeFile};
use tidegate_reference::{ComponentName, Digest, Reference};

use crate::file::FileError;

/// `entry.json`: what was installed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// Place in the order of addition, from 1. A component that is replaced keeps its place.
    pub sequence: u64,
    /// Which component.
    pub reference: Reference,
    /// Which bytes.
    pub digest: Digest,
    /// When, in seconds since 1970 (UTC), if the caller knew.
    pub added: Option<u64>,
}

/// Why a component may be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A signature file's bytes.
    Signature(Vec<u8>),
    /// A receipt of this host for a local build.
    Receipt(Vec<u8>),
}

/// An installed component, read and not verified.
#[derive(Debug, Clone)]
pub struct Installed {
    /// What was installed.
    pub entry: Entry,
    /// Its bytes, with the signature if it was installed with one.
    pub bundle: Bundle,
    /// The receipt, if it was installed with one.
    pub receipt: Option<Vec<u8>>,
    /// Native code for the targets that were asked for, as far as it was installed.
    pub native: Vec<NativeFile>,
}

/// One place of the store.
#[derive(Debug)]
pub struct Listed {
    /// The component's name.
    pub name: ComponentName,
    /// What is there, or why it cannot be used: one damaged component does not hide the others.
    pub installed: Result<Installed, StoreError>,
}

/// Why the store could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system; see the source. Nothing was changed, or everything was.
    #[error("cannot {action} `{path}`", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the store.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is missing.
    #[error(
        "the installed component `{name}` is incomplete, `{file}` is missing: remove it with `tidegate remove {name}` and add it again"
    )]
    Incomplete {
        /// Which component.
        name: ComponentName,
        /// Which file.
        file: &'static str,
    },
    /// A file is not what it should be; see the source.
    #[error(
        "the installed component `{name}` has a damaged `entry.json`: remove it with `tidegate remove {name}` and add it again"
    )]
    Entry {
        /// Which component.
        name: ComponentName,
        /// Why.
        source: serde_json::Error,
    },
    /// The bytes are no bundle any more; see the source.
    #[error("the installed component `{name}` is damaged: remove it with `tidegate remove {name}` and add it again")]
    Bundle {
        /// Which component.
        name: ComponentName,
        /// Why.
        source: BundleError,
    },
    /// The bytes are not those that were installed.
    #[error(
        "the installed component `{name}` was changed on the disk ({found} instead of {entry}): remove it with `tidegate remove {name}` and add it again"
    )]
    Changed {
        /// Which component.
        name: ComponentName,
        /// What was installed.
        entry: Digest,
        /// What is there.
        found: Digest,
    },
    /// Somebody moved directories about.
    #[error(
        "the installed component `{name}` says that it is `{reference}`: remove it with `tidegate remove {name}` and add it again"
    )]
    OtherName {
        /// The directory's name.
        name: ComponentName,
        /// What is in it.
        reference: Reference,
    },
}
