//! Tidegate, the embedding API: a builder, a host, calls and events.
