//! Component names, versions and digests.
