//! The backend of GGUF: the world `tidegate:model/model-backend` over the crate `tidegate-llama`.
//!
//! ```text
//! source    the handle of a granted model, as a file that is read in pieces
//! describe  what the file says of itself
//! loaded    the resource `model`: texts in, tokens, embeddings
//! text      the resource `generation`
//! fault     errors of the library as errors of the interface
//! ```

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::panic, clippy::unwrap_used, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../wit/deps/io.wit",
            "../../wit/deps/clocks.wit",
            "../../wit/deps/random.wit",
            "../../wit/deps/filesystem.wit",
            "../../wit/deps/sockets.wit",
            "../../wit/deps/cli.wit",
            "../../wit/types",
            "../../wit/model",
        ],
        world: "tidegate:model/model-backend",
        generate_all,
    });
}

mod describe;
mod fault;
mod loaded;
mod source;
mod text;

use bindings::exports::tidegate::model::backend::{self, LoadOptions};
use bindings::tidegate::model::types::{Description, Error};
use bindings::tidegate::model::weights::Source;

struct Component;

bindings::export!(Component with_types_in bindings);

impl backend::Guest for Component {
    type Model = loaded::Loaded;
    type Generation = text::Text;

    fn formats() -> Vec<String> {
        vec!["gguf".to_owned()]
    }

    fn inspect(source: Source, options: LoadOptions) -> Result<Description, Error> {
        let head = describe::Head::read(&mut source::File::open(source)?, &options)?;
        Ok(head.describe())
    }
}
