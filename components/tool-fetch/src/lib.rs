//! Tool: fetch.
