//! Models of the llama architecture, on the quantised weights that GGUF files hold.
//!
//! ```text
//! GGUF head --shape--> Shape (checked numbers) --weights--> Matrix (packed, four rows together)
//! text --tokenizer--> tokens --model--> logits --constraint, sampler--> token --> text
//!                                \--> hidden states --mean--> embedding
//! ```
//!
//! Activations are quantised in the blocks and with the rounding of llama.cpp, so that greedy tokens are its tokens. The
//! crate knows no host: bytes come from a [`tidegate_gguf::Source`], and whoever computes asks `go_on` between layers.

mod activation;
mod attention;
mod chat;
pub mod constraint;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod generate;
pub mod half;
mod kernel;
mod matrix;
mod model;
mod pack;
mod rope;
mod sampler;
mod shape;
mod simd;
mod tokenizer;
mod vector;
mod weights;

pub use chat::{Message, Template, TemplateError};
pub use error::{LoadError, Stopped};
pub use generate::{Finish, GenerateError, Generation, Request, Step};
pub use model::{Model, Session};
pub use sampler::{Choice, Sampler, Sampling};
pub use shape::Shape;
pub use tokenizer::Tokenizer;
