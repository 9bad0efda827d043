//! A directory as a source of bundles.
