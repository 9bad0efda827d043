//! JSON, read exactly.

use serde::de::DeserializeOwned;
use tidegate_reference::read_exactly;

/// Reads one JSON text, and nothing after it.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value = read_exactly(&mut from)?;
    from.end()?;
    Ok(value)
}
