//! Tool: system.
