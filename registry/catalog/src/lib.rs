//! The formats of what registries and mirrors hold: the index one searches, the artifact a component is kept as, and the
//! layout of a mirror.
//!
//! Pure: no clock, no IO. Nothing that is read here is believed: an index says what there is, and a component's signature
//! says what it is.

mod artifact;
mod index;
mod json;
mod layout;
mod outline;
mod search;

pub use artifact::{
    Artifact, ArtifactError, Config, Descriptor, EMPTY_JSON, EMPTY_TYPE, IMAGE_INDEX, IMAGE_MANIFEST, MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES, Referrers, WASM_CONFIG, WASM_LAYER, attached, fallback_tag, is_native_type, manifest,
    native_type,
};
pub use index::{Entry, INDEX_FILE, Index, IndexError, MAX_INDEX_BYTES, Release, signature_file};
pub use layout::{LAYOUT_FILE, LAYOUT_TEXT, Layout, LayoutError, blob_file};
pub use outline::{Outline, OutlineError};
pub use search::{Hit, search};

#[cfg(test)]
mod tests;
