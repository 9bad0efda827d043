//! The Model Context Protocol, every revision.
