//! What a call is of: parameters to targets.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bindings::tidegate::gateway::calls::{CompletionTarget, PromptTarget, ResourceTarget, Target, ToolTarget};
use crate::bindings::tidegate::types::completion::Subject;
use crate::errors::RpcError;
use crate::json::{Params, object, text};

/// The target of `tools/call`. Arguments and metadata stay the text they are.
pub(crate) fn tool_target(params: &Params<'_>) -> Result<Target, RpcError> {
    let name = text("name", params.name)?.into_owned();
    let arguments = match params.arguments.filter(|raw| raw.get() != "null") {
        Some(raw) => object("arguments", raw)?,
        None => "{}",
    };
    Ok(Target::Tool(ToolTarget { name, arguments: arguments.to_owned(), meta: meta(params) }))
}

fn meta(params: &Params<'_>) -> Option<String> {
    params.meta.map(|raw| raw.get().to_owned())
}

/// The target of `resources/read`.
pub(crate) fn resource_target(params: &Params<'_>) -> Result<Target, RpcError> {
    Ok(Target::Resource(ResourceTarget { uri: text("uri", params.uri)?.into_owned(), meta: meta(params) }))
}

/// The target of `prompts/get`.
pub(crate) fn prompt_target(params: &Params<'_>) -> Result<Target, RpcError> {
    let name = text("name", params.name)?.into_owned();
    Ok(Target::Prompt(PromptTarget { name, arguments: strings("arguments", params.arguments)?, meta: meta(params) }))
}

/// The target of `completion/complete`.
pub(crate) fn completion_target(params: &Params<'_>) -> Result<Target, RpcError> {
    #[derive(Deserialize)]
    struct Reference {
        #[serde(rename = "type")]
        kind: String,
        name: Option<String>,
        uri: Option<String>,
    }
    #[derive(Deserialize)]
    struct Argument {
        name: String,
        value: String,
    }
    #[derive(Deserialize)]
    struct Context<'a> {
        #[serde(borrow)]
        arguments: Option<&'a RawValue>,
    }
    let reference: Reference = read("ref", params.reference)?;
    let subject = match (reference.kind.as_str(), reference.name, reference.uri) {
        ("ref/prompt", Some(name), _) => Subject::Prompt(name),
        ("ref/resource", _, Some(uri)) => Subject::Template(uri),
        _ => return Err(RpcError::params("`ref` must be a `ref/prompt` with a name or a `ref/resource` with a URI")),
    };
    let argument: Argument = read("argument", params.argument)?;
    let context = match params.context.filter(|raw| raw.get() != "null") {
        Some(raw) => strings("context.arguments", read::<Context<'_>>("context", Some(raw))?.arguments)?,
        None => Vec::new(),
    };
    let Argument { name: argument, value } = argument;
    Ok(Target::Completion(CompletionTarget { subject, argument, value, context, meta: meta(params) }))
}

fn read<'a, T: Deserialize<'a>>(name: &str, raw: Option<&'a RawValue>) -> Result<T, RpcError> {
    let raw = raw.ok_or_else(|| RpcError::params(format!("`{name}` is missing")))?;
    serde_json::from_str(raw.get()).map_err(|error| RpcError::params(format!("`{name}` does not fit: {error}")))
}

/// An object of strings, as pairs.
fn strings(name: &str, raw: Option<&RawValue>) -> Result<Vec<(String, String)>, RpcError> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Vec::new()) };
    serde_json::from_str::<std::collections::BTreeMap<String, String>>(raw.get())
        .map(|pairs| pairs.into_iter().collect())
        .map_err(|_| RpcError::params(format!("`{name}` must be an object of strings")))
}
