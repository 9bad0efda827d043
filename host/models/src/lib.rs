//! Models: loaded into the instances of backends, used by components, kept within a budget of memory.
//!
//! ```text
//! component --tidegate:model/models--> granted? --> model --> its place: loaded? --> an instance of its backend
//!                                                              | no: a variant that fits, room for it, verified files
//!                                                              v
//!                                                            backend.inspect, backend.model.load(source)
//! ```
//!
//! A model has one instance, for itself, and one request at a time. The instance outlives calls; it goes when another
//! model needs the room, and after a trap or a request that did not stop in time. The host reads no model's format: what it
//! knows of one is its signed manifest, and what a backend says from inside its sandbox.

mod capability;
mod choose;
mod failure;
mod generation;
mod known;
mod manager;
mod request;
mod stop;
mod users;
mod weights;

pub use capability::ModelsCapability;
pub use choose::Candidate;
pub use failure::{describe_capabilities, describe_error, describe_failure, describe_port};
pub use generation::Generation;
pub use known::Known;
pub use manager::{Models, ModelsConfig};
pub use tidegate_bindings::model_backend::tidegate::model::types;
pub use tidegate_bindings::models::tidegate::model::models::{Failure, Generated, Summary};
