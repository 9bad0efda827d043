//! A component, its manifest and its signatures as bytes with a digest.
