//! Paths, methods and heads. Bytes come and go through traits.

mod exit;
mod serve;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasi;

pub(crate) use exit::{Exit, Gone, Reply};
pub(crate) use serve::{BodyError, Request, Verb, serve};
