//! From what cargo built to what is signed.

use anyhow::{Context, Result};

/// The name of the custom section that holds a component's manifest.
const MANIFEST_SECTION: &str = "tidegate:manifest";

/// Appends the manifest to a component as a custom section. The release profile has already stripped it.
/// One place, to be served by the crate `tidegate-bundle`.
pub(crate) fn finish(component: &[u8], manifest: Option<&str>) -> Result<Vec<u8>> {
    let Some(manifest) = manifest else { return Ok(component.to_vec()) };
    let name = length(MANIFEST_SECTION.len())?;
    let mut finished = component.to_vec();
    finished.push(0);
    finished.extend(length(name.len() + MANIFEST_SECTION.len() + manifest.len())?);
    finished.extend(name);
    finished.extend(MANIFEST_SECTION.as_bytes());
    finished.extend(manifest.as_bytes());
    Ok(finished)
}

/// An unsigned number as LEB128, as WebAssembly writes lengths.
fn length(value: usize) -> Result<Vec<u8>> {
    let mut rest = u32::try_from(value).context("a section has at most 4 GB")?;
    let mut bytes = Vec::new();
    loop {
        let low = rest.to_le_bytes()[0] & 0x7f;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return Ok(bytes);
        }
        bytes.push(low | 0x80);
    }
}
