//! Streamable HTTP, both eras on one endpoint. Knows the rules of the transport; bytes come and go through traits.

mod calls;
mod head;
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

#[cfg(test)]
mod tests;
