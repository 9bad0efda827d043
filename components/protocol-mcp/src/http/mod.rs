//! Streamable HTTP, both eras on one endpoint. Knows the rules of the transport; bytes come and go through traits.

mod calls;
mod head;
mod kept;
mod legacy;
mod listen;
mod log;
mod mirrored;
mod modern;
mod outlet;
mod resume;
mod serve;
mod sse;
mod stream;
mod tasks;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasi;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use head::{Head, Verb};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use serve::serve;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use stream::{Exit, Gone, Line, Reply};

#[cfg(test)]
mod tests;
