//! From what cargo built to what is signed.

use anyhow::Result;

/// Strips what does nothing at run time, and embeds the manifest if there is one.
pub(crate) fn finish(component: &[u8], manifest: Option<&str>) -> Result<Vec<u8>> {
    let stripped = tidegate_bundle::strip(component)?;
    Ok(match manifest {
        Some(manifest) => tidegate_bundle::embed_manifest(&stripped, manifest)?,
        None => stripped,
    })
}
