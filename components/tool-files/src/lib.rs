//! Tool: files.
