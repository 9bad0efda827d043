//! `POST /v1/chat/completions`: what is its alone.

use serde_json::Value;

use crate::error::{ApiError, Names};
use crate::fields::{Fields, wrong};
use crate::generate::{Form, Wanted};
use crate::models::{Constraint, Conversation, GenerateRequest, Message, Prompt, Role};
use crate::sampling::{delivery, model, sampling, stop};

type Read<T> = Result<T, ApiError>;

/// Most messages of a conversation: each costs the template a turn.
const MOST_MESSAGES: usize = 2_048;

/// Reads a request.
pub(crate) fn read(body: &Value) -> Read<Wanted> {
    let fields = Fields::of(body)?;
    let model = model(&fields)?;
    refuse(&fields)?;
    let logprobs = fields.flag("logprobs")?;
    match fields.count("top_logprobs", 0, 20)? {
        Some(_) if !logprobs => {
            return Err(ApiError::invalid("top_logprobs", "`top_logprobs` is for requests with `logprobs` only"));
        }
        None | Some(0) => {}
        Some(_) => {
            let why = "only the chosen token's probability is known here: leave `top_logprobs` out";
            return Err(ApiError::unsupported("top_logprobs", why));
        }
    }
    let request = GenerateRequest {
        prompt: Prompt::Chat(Conversation { messages: messages(&fields)?, variables: None }),
        max_tokens: max_tokens(&fields)?,
        stop: stop(&fields)?,
        sampling: sampling(&fields)?,
        constraint: constraint(&fields)?,
        logprobs,
    };
    let names = Names { input: "messages" };
    Ok(Wanted { model, form: Form::Chat, request, delivery: delivery(&fields)?, names })
}

/// Refuses what would change the answer and cannot be followed. Calls of functions are among it: models write them each in a
/// way of its own, and a text that may be a call is not handed over as one.
fn refuse(fields: &Fields<'_, '_>) -> Read<()> {
    let none = |value: &Value| value.as_str() == Some("none");
    let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    let uncalled = fields.get("tool_choice").is_some_and(none) || fields.get("tools").is_some_and(is_empty);
    let why = "calls of functions are not read out of texts here: leave them out, or set `tool_choice` to `none`";
    if !uncalled {
        fields.only("tools", is_empty, why)?;
        fields.only("tool_choice", |value| value.as_str() == Some("auto"), why)?;
    }
    fields.only("functions", is_empty, why)?;
    fields.only("function_call", none, why)?;
    let text_only = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(|one| one == "text"));
    fields.only("modalities", text_only, "answers are texts here")?;
    fields.only("audio", |_| false, "answers are texts here")?;
    fields.only("web_search_options", |_| false, "nothing is searched here")?;
    fields.only("reasoning_effort", none, "how long a model thinks cannot be chosen here: leave it out")?;
    fields.only("verbosity", |value| value == "medium", "it cannot be chosen here: say it in a message")
}

fn max_tokens(fields: &Fields<'_, '_>) -> Read<Option<u32>> {
    let (old, new) = ("max_tokens", "max_completion_tokens");
    match (fields.count(old, 1, u32::MAX)?, fields.count(new, 1, u32::MAX)?) {
        (Some(one), Some(other)) if one != other => {
            Err(ApiError::invalid(new, format!("`{new}` and `{old}` say different things: give one")))
        }
        (one, other) => Ok(other.or(one)),
    }
}

fn constraint(fields: &Fields<'_, '_>) -> Read<Option<Constraint>> {
    let Some(value) = fields.get("response_format") else { return Ok(None) };
    let format = Fields::at(value, "response_format")?;
    match format.text("type")? {
        None => Err(ApiError::missing("response_format.type")),
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Constraint::JsonObject)),
        Some("json_schema") => {
            let place = "response_format.json_schema";
            let named = format.get("json_schema").ok_or_else(|| ApiError::missing(place))?;
            let schema = Fields::at(named, place)?.get("schema");
            let schema = schema.ok_or_else(|| ApiError::missing("response_format.json_schema.schema"))?;
            if !schema.is_object() {
                return Err(wrong("response_format.json_schema.schema", schema, "an object"));
            }
            Ok(Some(Constraint::JsonSchema(schema.to_string())))
        }
        Some(_) => {
            let text = "`response_format.type` is one of `text`, `json_object`, `json_schema`";
            Err(ApiError::unsupported("response_format.type", text))
        }
    }
}

fn messages(fields: &Fields<'_, '_>) -> Read<Vec<Message>> {
    let value = fields.get("messages").ok_or_else(|| ApiError::missing("messages"))?;
    let list = value.as_array().ok_or_else(|| wrong("messages", value, "an array"))?;
    if !(1..=MOST_MESSAGES).contains(&list.len()) {
        let text = format!("`messages` has {} entries: 1 to {MOST_MESSAGES} are taken", list.len());
        return Err(ApiError::invalid("messages", text));
    }
    list.iter().enumerate().map(|(at, value)| message(value, &format!("messages[{at}]"))).collect()
}

fn message(value: &Value, place: &str) -> Read<Message> {
    let fields = Fields::at(value, place)?;
    let role = match fields.text("role")? {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        Some(_) => {
            let text = format!("`{place}.role` is one of `system`, `developer`, `user`, `assistant`, `tool`");
            return Err(ApiError::invalid(fields.place("role"), text));
        }
        None => return Err(ApiError::missing(&fields.place("role"))),
    };
    let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    fields.only("tool_calls", is_empty, "calls of functions are not handed to models here")?;
    fields.only("function_call", |_| false, "calls of functions are not handed to models here")?;
    fields.only("audio", |_| false, "messages are texts here")?;
    fields.only("name", |_| false, "models are not told names of speakers here: write the name into the text")?;
    let content = fields.get("content").ok_or_else(|| ApiError::missing(&fields.place("content")))?;
    Ok(Message { role, content: text_of(content, &fields.place("content"))? })
}

/// A text, or parts of one; parts are lines of it.
fn text_of(content: &Value, place: &str) -> Read<String> {
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) => parts,
        other => return Err(wrong(place, other, "a string or an array of parts")),
    };
    let mut texts = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let place = format!("{place}[{at}]");
        let fields = Fields::at(part, &place)?;
        match fields.text("type")? {
            Some("text") => {
                texts.push(fields.text("text")?.ok_or_else(|| ApiError::missing(&fields.place("text")))?);
            }
            Some(other) => {
                let other: String = other.chars().take(40).flat_map(char::escape_debug).collect();
                let text = format!("`{place}` is of type `{other}`: models here read texts only");
                return Err(ApiError::unsupported(place.as_str(), text));
            }
            None => return Err(ApiError::missing(&fields.place("type"))),
        }
    }
    if texts.is_empty() {
        return Err(ApiError::invalid(place, format!("`{place}` has no parts")));
    }
    Ok(texts.join("\n"))
}
