//! The harness of the tests that run the real binary: a node of its own for each test, and the official clients.
//!
//! ```no_run
//! use serde_json::json;
//! use tidegate_e2e::{Client, Library, Node, Transport};
//!
//! let node = Node::with_shipped_components()?;
//! let mut client = Client::connect(Library::Python("auto"), Transport::Http, &node)?;
//! let tools = client.step(&json!({"do": "list"}))?;
//! # anyhow::Ok(())
//! ```

mod authority;
mod client;
mod compiled;
mod layout;
mod node;
mod openai;
mod process;
pub mod raw;
pub mod sigstore;
mod unix;
mod web;
mod wire;

pub use authority::Authority;
pub use client::{Client, Library, Transport, inspect, reference_server};
pub use layout::{components, fixtures, host};
pub use node::{Host, Node, free_address, grant};
pub use openai::{OpenAi, OpenAiLibrary};
pub use unix::UnixHost;
pub use web::Web;
pub use wire::{SseEvent, Wire};
