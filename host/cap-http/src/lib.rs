//! wasi:http outgoing requests within a grant.
