//! `X.wasm` beside `X.wasm.sigstore.json`, and `X.TARGET.cwasm` beside `X.TARGET.cwasm.sigstore.json`.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use tidegate_bundle::{
    Bundle, BundleError, CodeTarget, MAX_COMPONENT_BYTES, MAX_NATIVE_BYTES, MAX_SIGNATURE_BYTES, NativeFile,
};

use crate::file::{FileError, Links, read_file};

/// Extension of component files.
pub const COMPONENT_EXTENSION: &str = "wasm";
/// What a signature file's name adds to the component's.
pub const SIGNATURE_SUFFIX: &str = ".sigstore.json";
/// What the name of a receipt of this host adds to the component's; see `tidegate_attestation::receipt`.
pub const RECEIPT_SUFFIX: &str = ".receipt";
/// Longest receipt, in bytes.
pub(crate) const MAX_RECEIPT_BYTES: u64 = 1_024;
/// Most components of one directory: more is a mistake, such as a build directory.
const MAX_COMPONENTS: usize = 1_000;

/// A bundle and what else lay beside it.
#[derive(Debug, Clone)]
pub struct Sourced {
    /// The component with its signature, if there is one. Its origin is the file's path.
    pub bundle: Bundle,
    /// The receipt of this host for a local build, if there is one.
    pub receipt: Option<Vec<u8>>,
    /// Native code for the targets that were asked for, as far as there is some.
    pub native: Vec<NativeFile>,
}

/// One component file of a path, not yet read: a directory may hold more than memory does.
#[derive(Debug)]
pub struct Found {
    path: PathBuf,
    links: Links,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The path does not exist.
    #[error("there is no `{path}`: give a component file, or a directory of them", path = .0.display())]
    NotThere(PathBuf),
    /// A directory without components.
    #[error("there is no `.wasm` file in `{path}`: build or download components into it", path = .0.display())]
    NoComponents(PathBuf),
    /// A directory with too many.
    #[error("there are more than {MAX_COMPONENTS} `.wasm` files in `{path}`: give them one by one", path = .0.display())]
    TooMany(PathBuf),
    /// A directory that cannot be listed.
    #[error("cannot list `{path}`", path = .path.display())]
    List {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file that was read, but is no bundle; see the source.
    #[error("`{path}` is not taken", path = .path.display())]
    Bundle {
        /// Which.
        path: PathBuf,
        /// Why.
        source: BundleError,
    },
}

/// The component file of a path, or every `*.wasm` of a directory (not of the directories in it), sorted by name. Nothing is
/// read yet: see [`Found::read`].
///
/// # Errors
/// The path is not there, or is a directory without components or that cannot be listed.
pub fn find(path: &Path) -> Result<Vec<Found>, ReadError> {
    if !path.is_dir() {
        let there = path.try_exists().unwrap_or(true);
        return if there {
            Ok(vec![Found::new(path, Links::Follow)])
        } else {
            Err(ReadError::NotThere(path.to_owned()))
        };
    }
    let failed = |source| ReadError::List { path: path.to_owned(), source };
    let mut found = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == COMPONENT_EXTENSION) {
            found.push(Found::new(&file, Links::Refuse));
        }
        if found.len() > MAX_COMPONENTS {
            return Err(ReadError::TooMany(path.to_owned()));
        }
    }
    if found.is_empty() {
        return Err(ReadError::NoComponents(path.to_owned()));
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// Reads one component file that a person named, with what lies beside it. `native`: the targets whose native code is wanted.
///
/// # Errors
/// As [`ReadError`] says.
pub fn read_component(path: &Path, native: &[CodeTarget]) -> Result<Sourced, ReadError> {
    read_with(path, native, Links::Follow)
}

/// Where the native code of a component file lies: `X.TARGET.cwasm` for `X.wasm`.
#[must_use]
pub fn native_path(component: &Path, target: CodeTarget) -> PathBuf {
    let is_component = component.extension().is_some_and(|extension| extension == COMPONENT_EXTENSION);
    let stem = if is_component { component.with_extension("") } else { component.to_owned() };
    beside(&stem, &target.suffix())
}

impl Found {
    fn new(path: &Path, links: Links) -> Self {
        Self { path: path.to_owned(), links }
    }

    /// The component's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it, with what lies beside it. `native`: the targets whose native code is wanted too; others stay unread.
    ///
    /// # Errors
    /// As [`ReadError`] says.
    pub fn read(&self, native: &[CodeTarget]) -> Result<Sourced, ReadError> {
        read_with(&self.path, native, self.links)
    }
}

fn read_with(path: &Path, native: &[CodeTarget], links: Links) -> Result<Sourced, ReadError> {
    let component = read_file(path, MAX_COMPONENT_BYTES, links)?.ok_or_else(|| ReadError::NotThere(path.to_owned()))?;
    let signature_max = u64::try_from(MAX_SIGNATURE_BYTES).unwrap_or(u64::MAX);
    let signature = read_file(&beside(path, SIGNATURE_SUFFIX), signature_max, links)?;
    let receipt = read_file(&beside(path, RECEIPT_SUFFIX), MAX_RECEIPT_BYTES, links)?;
    let bundle = Bundle::new(component, signature.into_iter().collect())
        .map_err(|source| ReadError::Bundle { path: path.to_owned(), source })?
        .with_origin(&path.display().to_string());
    let native =
        native.iter().filter_map(|target| read_native(&native_path(path, *target), *target, links).transpose());
    let native = native.collect::<Result<_, _>>()?;
    Ok(Sourced { bundle, receipt, native })
}

/// A file of native code with the signature file beside it, if it is there.
pub(crate) fn read_native(path: &Path, target: CodeTarget, links: Links) -> Result<Option<NativeFile>, FileError> {
    let Some(code) = read_file(path, MAX_NATIVE_BYTES, links)? else { return Ok(None) };
    let signature_max = u64::try_from(MAX_SIGNATURE_BYTES).unwrap_or(u64::MAX);
    let signature = read_file(&beside(path, SIGNATURE_SUFFIX), signature_max, links)?;
    Ok(Some(NativeFile::new(target, code, signature, &path.display().to_string())))
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
