//! Arguments of calls, read with the word that is wrong.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::bindings::tidegate::model::models;
use crate::bindings::tidegate::model::types::Capabilities;

/// `embed_text`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Embed {
    pub(crate) model: Option<String>,
    pub(crate) texts: Vec<String>,
    #[serde(default = "yes")]
    pub(crate) normalize: bool,
}

/// `classify`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Classify {
    pub(crate) model: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) inputs: Option<Map<String, Value>>,
    #[serde(default = "five")]
    pub(crate) top: u32,
}

/// `infer`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Infer {
    pub(crate) model: Option<String>,
    pub(crate) inputs: Map<String, Value>,
    #[serde(default)]
    pub(crate) outputs: Vec<String>,
}

/// `detect_anomaly`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Anomaly {
    pub(crate) model: Option<String>,
    pub(crate) values: Vec<f64>,
    pub(crate) threshold: Option<f64>,
}

/// `generate`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generate {
    pub(crate) model: Option<String>,
    pub(crate) prompt: Option<String>,
    pub(crate) messages: Option<Vec<Message>>,
    pub(crate) max_tokens: Option<u32>,
    #[serde(default)]
    pub(crate) stop: Vec<String>,
    pub(crate) temperature: Option<f32>,
    pub(crate) top_k: Option<u32>,
    pub(crate) top_p: Option<f32>,
    pub(crate) repetition_penalty: Option<f32>,
    pub(crate) seed: Option<u64>,
    pub(crate) json_schema: Option<Map<String, Value>>,
    pub(crate) grammar: Option<String>,
}

/// A message of a conversation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) content: String,
}

/// Who speaks.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

fn yes() -> bool {
    true
}

fn five() -> u32 {
    5
}

/// Reads the arguments of a call.
pub(crate) fn read<'a, T: Deserialize<'a>>(arguments: &'a str) -> Result<T, String> {
    serde_json::from_str(arguments).map_err(|error| error.to_string())
}

/// The model that is meant: the one that is named, or the first that can do it.
pub(crate) fn model(named: Option<String>, able: Capabilities) -> Result<String, String> {
    if let Some(named) = named {
        return Ok(named);
    }
    let found = crate::usable().into_iter().find(|model| model.description.capabilities.contains(able));
    match found {
        Some(model) => Ok(model.summary.name),
        None => Err(format!(
            "no model here can do that; there are: {}",
            models::list().into_iter().map(|model| model.name).collect::<Vec<_>>().join(", ")
        )),
    }
}
