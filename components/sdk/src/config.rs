//! Settings that the policy file gives to this component (`config` of a grant). Not for secrets: see [`crate::secrets`].
use crate::bindings::imports::tidegate::host::config as wit;

/// One setting, if it is there.
#[must_use]
pub fn get(key: &str) -> Option<String> {
    wit::get(key)
}

/// All settings, ordered by key.
#[must_use]
pub fn all() -> Vec<(String, String)> {
    wit::all()
}
