//! The Model Context Protocol, every revision, as a component.
//!
//! ```text
//! http/, stdio/   a transport's rules; bytes through traits, so that they run in native tests
//! modern, session what a client says of itself: in every request, or once in `initialize`
//! methods/        a request to what must be done: an answer, a call, a subscription, a note
//! exchange        a call as a state machine: events to notifications, its end to an answer
//! tasks           calls that outlive the request which started them
//! inputs/         questions of a call to the client and back
//! content, json/  WIT values to JSON, in the words of a `revision`
//! gateway         what all this needs of the world, as traits; `wit` is the world
//! ```

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, unused_imports, reason = "natively only the tests use the core; the exports are for wasm32")
)]

mod answer;
mod bindings;
mod content;
#[cfg(any(test, feature = "fuzzing"))]
mod double;
mod errors;
mod exchange;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gateway;
mod http;
mod inputs;
mod json;
mod methods;
mod modern;
mod pages;
mod revision;
mod session;
mod state;
mod stdio;
mod tasks;
#[cfg(target_arch = "wasm32")]
mod wit;

#[cfg(target_arch = "wasm32")]
mod export {
    //! What the world `protocol` wants.

    use crate::bindings::exports::tidegate::protocol::byte_stream;
    use crate::bindings::exports::wasi::http::incoming_handler;
    use crate::bindings::wasi::http::types::{IncomingRequest, ResponseOutparam};
    use crate::bindings::wasi::io::streams::{InputStream, OutputStream};

    struct Component;

    impl incoming_handler::Guest for Component {
        fn handle(request: IncomingRequest, out: ResponseOutparam) {
            crate::http::wasi::handle(request, out);
        }
    }

    impl byte_stream::Guest for Component {
        fn serve(input: InputStream, output: OutputStream) -> Result<(), String> {
            crate::stdio::wasi::serve(&input, &output)
        }
    }

    crate::bindings::export!(Component with_types_in crate::bindings);
}
