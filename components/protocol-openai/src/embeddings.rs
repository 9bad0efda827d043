//! `POST /v1/embeddings`: numbers of texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::error::{ApiError, Names};
use crate::fields::{Fields, tokens, wrong};
use crate::models::{EmbedOptions, Models};
use crate::sampling::model;
use crate::shapes::to_json;

type Read<T> = Result<T, ApiError>;

const NAMES: Names = Names { input: "input" };
/// Most inputs of a request, as this API promises.
const MOST_INPUTS: usize = 2_048;
/// How many texts a model takes at once.
const AT_ONCE: usize = 256;

/// What a client wants.
#[derive(Debug)]
pub(crate) struct Wanted {
    model: String,
    inputs: Vec<Input>,
    dimensions: Option<u32>,
    base64: bool,
}

#[derive(Debug)]
enum Input {
    Text(String),
    /// Tokens of this very model.
    Tokens(Vec<u32>),
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Numbers,
}

/// Numbers, or their bytes: `f32`, little-endian.
#[derive(Serialize)]
#[serde(untagged)]
enum Numbers {
    Plain(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u32,
    total_tokens: u32,
    /// Ours: what computed it.
    ran: String,
}

/// Reads a request.
pub(crate) fn read(body: &Value) -> Read<Wanted> {
    let fields = Fields::of(body)?;
    let model = model(&fields)?;
    let base64 = match fields.text("encoding_format")? {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => {
            return Err(ApiError::invalid("encoding_format", "`encoding_format` is `float` or `base64`"));
        }
    };
    let dimensions = fields.count("dimensions", 1, u32::MAX)?;
    Ok(Wanted { model, inputs: inputs(&fields)?, dimensions, base64 })
}

fn inputs(fields: &Fields<'_, '_>) -> Read<Vec<Input>> {
    let value = fields.get("input").ok_or_else(|| ApiError::missing("input"))?;
    let list = match value {
        Value::String(_) => return Ok(vec![input(value, "input")?]),
        Value::Array(list) if list.first().is_some_and(Value::is_number) => return Ok(vec![input(value, "input")?]),
        Value::Array(list) => list,
        other => return Err(wrong("input", other, "a string or an array")),
    };
    if !(1..=MOST_INPUTS).contains(&list.len()) {
        let text = format!("`input` has {} entries: 1 to {MOST_INPUTS} are taken", list.len());
        return Err(ApiError::invalid("input", text));
    }
    list.iter().enumerate().map(|(at, value)| input(value, &format!("input[{at}]"))).collect()
}

fn input(value: &Value, place: &str) -> Read<Input> {
    let empty = || ApiError::invalid(place, format!("`{place}` is empty"));
    match value {
        Value::String(text) if text.is_empty() => Err(empty()),
        Value::String(text) => Ok(Input::Text(text.clone())),
        Value::Array(list) if list.is_empty() => Err(empty()),
        Value::Array(list) => {
            let read = tokens(list).map(Input::Tokens);
            read.ok_or_else(|| ApiError::invalid(place, format!("`{place}` must be a text or numbers of tokens")))
        }
        other => Err(wrong(place, other, "a string or an array of tokens")),
    }
}

/// Embeds what was wanted; none: the client has gone.
pub(crate) fn embed<M: Models>(models: &M, wanted: &Wanted) -> Read<Option<String>> {
    let failed = |failure| ApiError::of(&failure, &wanted.model, NAMES);
    let mut texts = Vec::with_capacity(wanted.inputs.len());
    for (at, input) in wanted.inputs.iter().enumerate() {
        texts.push(match input {
            Input::Text(text) => text.clone(),
            Input::Tokens(tokens) => text_of(models, &wanted.model, tokens, at)?,
        });
    }
    let options = EmbedOptions { normalize: true, dimensions: wanted.dimensions, truncate: false };
    let mut data = Vec::with_capacity(texts.len());
    let mut usage = Usage { prompt_tokens: 0, total_tokens: 0, ran: String::new() };
    for some in texts.chunks(AT_ONCE) {
        if models.is_closed() {
            return Ok(None);
        }
        let embedded = models.embed(&wanted.model, some, options).map_err(failed)?;
        usage.prompt_tokens = usage.prompt_tokens.saturating_add(embedded.usage.input_tokens);
        usage.ran = embedded.usage.ran;
        for numbers in embedded.vectors {
            let embedding = encode(numbers, wanted)?;
            data.push(Embedding { object: "embedding", index: data.len(), embedding });
        }
    }
    if data.len() != texts.len() {
        let text = format!("the backend of `{}` gave {} embeddings for {}", wanted.model, data.len(), texts.len());
        return Err(ApiError::new(500, text));
    }
    usage.total_tokens = usage.prompt_tokens;
    Ok(Some(to_json(&List { object: "list", data, model: &wanted.model, usage })))
}

/// The text of tokens. It must be cut into the same tokens again: what another model's tokens say here is another text, and
/// its numbers would mean nothing.
fn text_of<M: Models>(models: &M, model: &str, tokens: &[u32], at: usize) -> Read<String> {
    let failed = |failure| ApiError::of(&failure, model, NAMES);
    let text = models.detokenize(model, tokens).map_err(failed)?;
    for special in [false, true] {
        if models.tokenize(model, &text, special).map_err(failed)? == tokens {
            return Ok(text);
        }
    }
    let problem = format!("`input[{at}]` is not how the model `{model}` cuts a text into tokens: send the text");
    Err(ApiError::invalid(format!("input[{at}]"), problem))
}

fn encode(numbers: Vec<f32>, wanted: &Wanted) -> Read<Numbers> {
    if numbers.iter().any(|number| !number.is_finite()) {
        let text = format!("the model `{}` gave an embedding that is no number", wanted.model);
        return Err(ApiError::new(500, text));
    }
    if !wanted.base64 {
        return Ok(Numbers::Plain(numbers));
    }
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Ok(Numbers::Base64(STANDARD.encode(bytes)))
}
