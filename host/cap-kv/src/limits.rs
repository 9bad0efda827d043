//! Bounds on keys, values and answers, as `wit/host/kv.wit` documents them.

/// Longest key, in bytes. Keys are in every page of the tree.
pub(crate) const KEY: usize = 512;
/// Largest value, in bytes. A value is in host memory while it is written or read; files are for more.
pub(crate) const VALUE: usize = 1024 * 1024;
/// Longest name of a namespace, in bytes.
pub(crate) const NAMESPACE: usize = 128;
/// Most entries of one scan.
pub(crate) const SCAN_ENTRIES: usize = 1_000;
/// Most bytes (keys and values) of one scan. One entry is given even if it alone is larger, so that a scan goes on.
pub(crate) const SCAN_BYTES: usize = 1024 * 1024;

pub(crate) fn check_namespace(name: &str) -> Result<(), String> {
    match name.len() {
        1..=NAMESPACE => Ok(()),
        length => Err(format!("the namespace has {length} bytes: 1 to {NAMESPACE} are allowed")),
    }
}

pub(crate) fn check_key(key: &str) -> Result<(), String> {
    match key.len() {
        1..=KEY => Ok(()),
        length => Err(format!("the key has {length} bytes: 1 to {KEY} are allowed")),
    }
}

pub(crate) fn check_value(value: &[u8]) -> Result<(), String> {
    match value.len() {
        0..=VALUE => Ok(()),
        length => Err(format!("the value has {length} bytes: at most {VALUE} are allowed")),
    }
}
