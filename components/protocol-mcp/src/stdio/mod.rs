//! Byte streams: one message a line, many calls in flight, both eras.

mod becoming;
mod conversation;
mod lines;
mod running;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasi;

pub(crate) use conversation::Conversation;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use lines::Line;
pub(crate) use lines::Lines;

#[cfg(test)]
mod tests;
