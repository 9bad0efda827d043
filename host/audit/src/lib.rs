//! The vocabulary of audit events and the sinks they are written to.
