//! Tool: time.
