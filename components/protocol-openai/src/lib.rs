//! The HTTP API of OpenAI over the node's models, as a component.
//!
//! ```text
//! http/        paths, methods, heads; bytes through traits, so that they run in native tests
//! fields       a request's JSON, read with the names of its parameters
//! sampling     parameters of both ways to generate; chat, completions: what is theirs alone
//! generate     a text in the making, to one answer or to server-sent events
//! shapes       answers in JSON
//! embeddings   numbers of texts; listing: which models there are
//! error        what goes wrong, in OpenAI's words and statuses
//! models       what all this needs of the world, as traits; `wit` is the world
//! ```

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, unused_imports, reason = "natively only the tests use the core; the exports are for wasm32")
)]

mod bindings;
mod chat;
mod completions;
#[cfg(test)]
mod double;
mod embeddings;
mod error;
mod fields;
mod generate;
mod http;
mod listing;
mod logprobs;
mod models;
mod sampling;
mod shapes;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "wasm32")]
mod wit;

#[cfg(target_arch = "wasm32")]
mod export {
    //! What the world wants.

    use crate::bindings::exports::wasi::http::incoming_handler;
    use crate::bindings::wasi::http::types::{IncomingRequest, ResponseOutparam};

    struct Component;

    impl incoming_handler::Guest for Component {
        fn handle(request: IncomingRequest, out: ResponseOutparam) {
            crate::http::wasi::handle(request, out);
        }
    }

    crate::bindings::export!(Component with_types_in crate::bindings);
}
