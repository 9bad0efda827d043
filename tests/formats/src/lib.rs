//! What holds for every input of the formats of the supply chain, whoever made it.
//!
//! One function for each format. It takes any bytes, and panics when something does not hold: what is taken has one
//! meaning (a second, lenient reader sees the same in it), keeps its bounds, comes back as it was when it is written and
//! read again, and gives nothing that it does not say. It tells whether anything was taken, so that a corpus which no longer
//! reaches anything is noticed.
//!
//! The fuzzer (`tests/fuzz`) drives these functions with what it invents, `tests/replay.rs` with the kept corpora.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a panic is how a check fails"
)]

mod input;
mod keys;
mod lock;
mod manifest;
mod oci;
mod policy;
mod second;
mod signature;
#[cfg(feature = "wit")]
mod wit;

pub use keys::keys;
pub use lock::lock;
pub use manifest::manifest;
pub use oci::oci;
pub use policy::policy;
pub use signature::signature;
#[cfg(feature = "wit")]
pub use wit::wit;
