//! The WASI 0.2 interfaces a component may use.
