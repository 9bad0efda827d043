//! `POST /v1/completions`, the older way: what is its alone.

use serde_json::Value;

use crate::error::{ApiError, Names};
use crate::fields::{Fields, tokens, wrong};
use crate::generate::{Form, Wanted};
use crate::models::{GenerateRequest, Prompt};
use crate::sampling::{delivery, model, sampling, stop};

type Read<T> = Result<T, ApiError>;

/// How long a text is when the request does not say it, as this API promises.
const DEFAULT_TOKENS: u32 = 16;

/// Reads a request.
pub(crate) fn read(body: &Value) -> Read<Wanted> {
    let fields = Fields::of(body)?;
    let model = model(&fields)?;
    fields.only("best_of", |value| value.as_u64() == Some(1), "one choice a request: ask again for more")?;
    fields.only("echo", |value| value == false, "the prompt does not come back: put it before the answer")?;
    fields.only("suffix", |value| value == "", "texts go on at their end only")?;
    let logprobs = match fields.count("logprobs", 0, 5)? {
        None => false,
        Some(0) => true,
        Some(_) => {
            let why = "only the chosen token's probability is known here: set `logprobs` to 0";
            return Err(ApiError::unsupported("logprobs", why));
        }
    };
    let request = GenerateRequest {
        prompt: prompt(&fields)?,
        max_tokens: fields.count("max_tokens", 1, u32::MAX)?.or(Some(DEFAULT_TOKENS)),
        stop: stop(&fields)?,
        sampling: sampling(&fields)?,
        constraint: None,
        logprobs,
    };
    let names = Names { input: "prompt" };
    Ok(Wanted { model, form: Form::Text, request, delivery: delivery(&fields)?, names })
}

/// A text or tokens; in an array of one, the same.
fn prompt(fields: &Fields<'_, '_>) -> Read<Prompt> {
    let value = fields.get("prompt").ok_or_else(|| ApiError::missing("prompt"))?;
    let many = || ApiError::unsupported("prompt", "one prompt a request: ask again for the others");
    match value {
        Value::String(text) => Ok(Prompt::Text(text.clone())),
        Value::Array(list) => match list.as_slice() {
            [] => Err(ApiError::invalid("prompt", "`prompt` is empty")),
            [Value::String(text)] => Ok(Prompt::Text(text.clone())),
            [Value::Array(inner)] => of_tokens(inner),
            [Value::String(_) | Value::Array(_), ..] => Err(many()),
            all => of_tokens(all),
        },
        other => Err(wrong("prompt", other, "a string or an array")),
    }
}

fn of_tokens(list: &[Value]) -> Read<Prompt> {
    let all = tokens(list).filter(|tokens| !tokens.is_empty());
    all.map(Prompt::Tokens)
        .ok_or_else(|| ApiError::invalid("prompt", "a prompt of tokens is an array of their numbers"))
}
