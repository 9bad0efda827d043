//! The parameters that both ways to generate have.

use serde_json::Value;

use crate::error::ApiError;
use crate::fields::{Fields, wrong};
use crate::models::Sampling;

type Read<T> = Result<T, ApiError>;

/// Longest name of a model that is looked at, in bytes; names of this node are shorter.
const LONGEST_NAME: usize = 256;
/// Most texts that end a generation, and the longest of them in bytes: what `tidegate:model` takes.
const MOST_STOPS: usize = 16;
const LONGEST_STOP: usize = 256;

/// How a text is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// As server-sent events.
    pub(crate) stream: bool,
    /// With an event at the end that says what it took.
    pub(crate) include_usage: bool,
}

/// The model's name.
pub(crate) fn model(fields: &Fields<'_, '_>) -> Read<String> {
    match fields.text("model")? {
        None => Err(ApiError::missing("model")),
        Some(name) if (1..=LONGEST_NAME).contains(&name.len()) => Ok(name.to_owned()),
        Some(_) => Err(ApiError::invalid("model", format!("`model` must have 1 to {LONGEST_NAME} bytes"))),
    }
}

/// How tokens are chosen. What is not given is as the model says.
pub(crate) fn sampling(fields: &Fields<'_, '_>) -> Read<Sampling> {
    let frequency_penalty = fields.number("frequency_penalty", -2.0, 2.0)?;
    let presence_penalty = fields.number("presence_penalty", -2.0, 2.0)?;
    let penalised = [frequency_penalty, presence_penalty].iter().any(|penalty| penalty.is_some_and(|one| one != 0.0));
    let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    fields.only("logit_bias", is_empty, "weights of single tokens cannot be changed here: leave it out")?;
    fields.only("n", |value| value.as_u64() == Some(1), "one choice a request: ask again for more")?;
    Ok(Sampling {
        temperature: fields.number("temperature", 0.0, 2.0)?,
        top_k: None,
        top_p: fields.number("top_p", 0.0, 1.0)?,
        min_p: None,
        repetition_penalty: None,
        // These penalties count over the whole text, and not over its last part only.
        repetition_window: penalised.then_some(u32::MAX),
        frequency_penalty,
        presence_penalty,
        seed: seed(fields)?,
    })
}

fn seed(fields: &Fields<'_, '_>) -> Read<Option<u64>> {
    let Some(value) = fields.get("seed") else { return Ok(None) };
    // Any two numbers are two seeds, negative ones too.
    let seed = value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned));
    seed.map(Some).ok_or_else(|| wrong("seed", value, "an integer of 64 bits"))
}

/// Texts before which the generation ends.
pub(crate) fn stop(fields: &Fields<'_, '_>) -> Read<Vec<String>> {
    let list = match fields.get("stop") {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    if list.len() > MOST_STOPS {
        return Err(ApiError::invalid("stop", format!("`stop` has {} texts, at most {MOST_STOPS} count", list.len())));
    }
    let text = |value: &Value| match value {
        Value::String(text) if (1..=LONGEST_STOP).contains(&text.len()) => Ok(text.clone()),
        Value::String(text) => {
            let problem = format!("a text of `stop` has {} bytes: 1 to {LONGEST_STOP} are taken", text.len());
            Err(ApiError::invalid("stop", problem))
        }
        other => Err(wrong("stop", other, "a string or an array of strings")),
    };
    list.iter().map(text).collect()
}

/// How the text is sent.
pub(crate) fn delivery(fields: &Fields<'_, '_>) -> Read<Delivery> {
    let stream = fields.flag("stream")?;
    let include_usage = match fields.get("stream_options") {
        None => false,
        Some(_) if !stream => {
            return Err(ApiError::invalid("stream_options", "`stream_options` is for requests with `stream` only"));
        }
        Some(options) => Fields::at(options, "stream_options")?.flag("include_usage")?,
    };
    Ok(Delivery { stream, include_usage })
}
