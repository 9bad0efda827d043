//! Granted directories. Files themselves are read and written with `std::fs`, under the paths that this lists.

/// The directories that policy grants, as this component sees them (`/data`). Empty outside a component.
#[must_use]
pub fn granted() -> Vec<String> {
    #[cfg(target_family = "wasm")]
    {
        use crate::bindings::imports::wasi::filesystem::preopens;
        preopens::get_directories().into_iter().map(|(_, path)| path).collect()
    }
    #[cfg(not(target_family = "wasm"))]
    Vec::new()
}
