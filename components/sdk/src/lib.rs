//! What the author of a tool writes against.
//!
//! A tool is a plain function from typed arguments to a typed result, and one line in [`tools!`]:
//!
//! ```
//! use tidegate_sdk::prelude::*;
//!
//! /// Adds two numbers.
//! #[derive(Deserialize, JsonSchema)]
//! struct Add {
//!     /// First.
//!     a: f64,
//!     /// Second.
//!     b: f64,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Sum {
//!     /// What the two make together.
//!     sum: f64,
//! }
//!
//! fn add(input: Add, _call: &Call) -> Result<Structured<Sum>, ToolError> {
//!     Ok(Structured::new(Sum { sum: input.a + input.b }))
//! }
//!
//! tidegate_sdk::tools! {
//!     "add" => add { title: "Add", read_only: true, idempotent: true },
//! }
//! # fn main() {
//! let done = toolbox().call_detached("add", r#"{"a": 1, "b": 2}"#).unwrap();
//! assert_eq!(done.structured.as_deref(), Some(r#"{"sum":3.0}"#));
//! # }
//! ```
//!
//! The description of the tool is the doc comment of its input (or `description: "..."`), the descriptions of the
//! arguments are the doc comments of the fields; JSON Schemas come from the types (see [`schema`]).
//!
//! # Testing
//!
//! The bindings compile for every target, so `cargo test` runs on your machine: call the functions with
//! [`Call::detached`], or the whole tool with [`Toolbox::call_detached`]. Only what asks the host ([`kv`], [`http`],
//! [`config`], [`secrets`], [`log`], [`system`]) needs one: it panics outside a component. Keep logic in functions that
//! take values, and the tests need no host.
//!
//! # What a component imports
//!
//! Only what its code reaches. Using [`kv`] somewhere makes the component import `tidegate:host/kv`, and the host then
//! loads it only where policy grants a namespace.
#![warn(missing_docs)]

// The bindings and `tools!` name this crate as its users do.
extern crate self as tidegate_sdk;

mod arguments;
pub mod ask;
pub mod bindings;
mod call;
pub mod config;
pub mod content;
mod error;
pub mod files;
pub mod http;
pub mod kv;
pub mod log;
mod macros;
mod output;
mod prompt;
mod resource;
pub mod schema;
pub mod secrets;
pub mod system;
mod tool;
mod typing;
mod uri;

pub use call::Call;
pub use content::Content;
pub use error::{CallError, ToolError};
pub use output::{IntoReply, Output, Reply, Structured};
pub use prompt::{IntoMessages, Message, Prompt, Prompts};
pub use resource::{Contents, IntoContents, Read, Resource, Resources};
pub use tool::{NoInput, Tool, Toolbox};
pub use typing::{Typing, complete};

pub use schemars;
pub use serde;
pub use serde_json;

#[doc(hidden)]
pub use wit_bindgen::rt as __rt;

/// What nearly every tool needs.
pub mod prelude {
    pub use crate::{Call, Content, NoInput, Output, Reply, Structured, ToolError};
    pub use crate::{Message, Prompt, Prompts, Read, Resource, Resources, Typing};
    pub use schemars::{self, JsonSchema};
    pub use serde::{Deserialize, Serialize};
}
