//! HTTP bytes in and out.
