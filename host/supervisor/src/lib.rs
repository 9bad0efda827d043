//! The lifecycle of components: load, start, drain, retire; restart of stateful instances.
//!
//! Takes a `VerifiedBundle` and nothing else: what runs here was verified. Knows capabilities only through their trait,
//! and neither policy files nor protocols.

mod actor;
mod admission;
mod component;
mod definitions;
mod exports;
mod held;
mod listing;
mod load;
mod set;

pub use admission::{Busy, Permit};
pub use component::{Body, Component, Guard, ImportedInterface, RunError, Start};
pub use definitions::{Definitions, DefinitionsError, OutputSchemas};
pub use exports::Exports;
pub use held::Held;
pub use load::{LoadError, Refusal};
pub use set::{Set, Supervisor};
pub use tidegate_engine::{Failure, Limiter, TimeLimit};
pub use tidegate_reflect::CallError as ForeignError;
