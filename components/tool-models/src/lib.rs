//! The node's models as tools. What is listed follows from the models that the policy grants: which there are, and what each
//! says that it can do.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "natively only the tests use it; the exports are for wasm32")
)]

mod answer;
mod arguments;
mod bindings;
mod generate;
mod listing;
mod tensor;

use bindings::exports::tidegate::tool::tools::{Context, Guest};
use bindings::tidegate::model::models;
use bindings::tidegate::model::types::Description;
use bindings::tidegate::types::tools::{Error, Outcome, Request, Tool};

use models::Summary;

struct Component;

/// A model that can be used now.
pub(crate) struct Usable {
    pub(crate) summary: Summary,
    pub(crate) description: Description,
}

impl Guest for Component {
    fn list_tools() -> Result<Vec<Tool>, Error> {
        Ok(listing::tools(&usable()))
    }

    fn call_tool(request: Request, context: &Context) -> Result<Outcome, Error> {
        let output = match request.name.as_str() {
            "embed_text" => answer::embed(&request.arguments),
            "classify" => answer::classify(&request.arguments),
            "generate" => generate::generate(&request.arguments, context),
            "infer" => answer::infer(&request.arguments),
            "detect_anomaly" => answer::detect_anomaly(&request.arguments),
            other => return Err(Error::UnknownTool(other.to_owned())),
        };
        output.map(Outcome::Done).map_err(Error::InvalidArguments)
    }
}

/// The models that this component may use and whose backends say what they are. Others are left out until they can be used.
fn usable() -> Vec<Usable> {
    let described = models::list().into_iter().filter_map(|summary| {
        let description = models::describe(&summary.name).ok()?;
        Some(Usable { summary, description })
    });
    described.collect()
}

#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);
