//! Attacks: the harness of the tests that do to the real binary what an enemy would.
//!
//! A [`Site`] is a node with its policy, grant by grant. Guests that no compiler would make lie as text in `guests/`.
//! [`Rogue`] is a registry that keeps no rule. [`Mcp`] is a plain client, so that a test may also say what no official client would.

mod guests;
mod mcp;
mod measure;
mod rogue;
mod site;
pub mod table;
mod tokens;

pub use guests::{build, nested, versioned};
pub use mcp::{Answer, Http, Mcp, text};
pub use measure::{percentile, resident, settled};
pub use rogue::{Asked, Reply, Rogue};
pub use site::{Said, Site};
pub use tokens::{Signer, encode, seconds_from_now};
