//! Finds or installs the guest toolchain (target `wasm32-wasip2`) and builds components with it.
//!
//! Used by the CLI's `tidegate build` and by `cargo x`. Three kinds of toolchain are known, tried in this order:
//!
//! 1. the Rust toolchain in use already has the target;
//! 2. it belongs to rustup, which downloads the target;
//! 3. Debian's packages [`DEBIAN_PACKAGES`], which build the standard library from source.
//!
//! This crate is one of the few that read the environment: a toolchain is a thing of the machine. It reads `PATH`,
//! `HOME`, `CARGO_HOME` and `RUSTUP_HOME`, see [`Surroundings`].

mod build;
mod command;
mod error;
mod find;
mod install;
mod surroundings;
#[cfg(test)]
mod tests;

pub use build::{BuildRequest, Built, Profile};
pub use command::{Progress, scrub};
pub use error::{BuildError, FindError, InstallError};
pub use find::{Origin, Toolchain};
pub use install::DEBIAN_PACKAGES;
pub use surroundings::Surroundings;

/// The target of every guest: WASI 0.2 components.
pub const TARGET: &str = "wasm32-wasip2";
