//! Directories as a source of bundles: components that lie beside their signatures ([`find`]), and the components that a
//! node has installed ([`Store`]).
//!
//! Nothing here is believed: what comes out is bytes, verified in `tidegate-attestation`. Every file is opened once and
//! read once, up to a limit.
//!
//! Symbolic links: a path that a person names is followed, whatever it is. What is found inside a directory is not: a
//! link there is refused by name, so that whoever may write into the directory does not make the host read elsewhere.
//! Only regular files are read; a pipe or a device is refused without waiting for it.

mod blob;
mod entry;
mod file;
mod models;
mod read;
mod store;
mod swap;

pub use blob::{BLOB_CHUNK, Blob, BlobError};
pub use entry::{Entry, Installed, Listed, Proof, StoreError};
pub use file::FileError;
pub use models::{ListedModel, ModelFolder, ModelStore, ModelStoreError, StoredModel};
pub use read::{
    COMPONENT_EXTENSION, Found, RECEIPT_SUFFIX, ReadError, SIGNATURE_SUFFIX, Sourced, find, native_path, read_component,
};
pub use store::Store;
