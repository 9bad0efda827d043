//! Tool: memory.
