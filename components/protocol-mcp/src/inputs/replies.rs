//! Answers of clients: from JSON to WIT values.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bindings::tidegate::types::content::{Content, Media, Role, Text};
use crate::bindings::tidegate::types::input::{
    Answer, Consent, MessageContent, Reply, Root, Sampled, ToolAnswer, ToolUse,
};
use crate::errors::RpcError;

#[derive(Deserialize)]
struct Answered<'a> {
    action: Option<String>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    roots: Option<&'a RawValue>,
    role: Option<String>,
    model: Option<String>,
    #[serde(rename = "stopReason")]
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    uri: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    data: Option<String>,
    #[serde(rename = "mimeType")]
    mime_type: Option<String>,
    id: Option<String>,
    name: Option<String>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(rename = "toolUseId")]
    tool_use_id: Option<String>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, rename = "structuredContent", default)]
    structured: Option<&'a RawValue>,
    #[serde(rename = "isError", default)]
    is_error: bool,
}

/// Reads `inputResponses`.
///
/// # Errors
/// -32602 for what is not an object of answers.
pub(crate) fn responses(raw: &RawValue) -> Result<Vec<Answer>, RpcError> {
    responses_to(raw.get(), |_| true)
}

/// As [`responses`], from text, and only the answers whose question was `asked`: others may be anything.
///
/// # Errors
/// As [`responses`].
pub(crate) fn responses_to(json: &str, asked: impl Fn(&str) -> bool) -> Result<Vec<Answer>, RpcError> {
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(json).map_err(|_| RpcError::params("`inputResponses` must be an object of answers"))?;
    let read = |(id, raw): (String, &RawValue)| match reply(raw) {
        Some(reply) => Ok(Answer { id, reply }),
        None => Err(RpcError::params(format!("the answer to `{id}` is none that MCP knows"))),
    };
    members.into_iter().filter(|(id, _)| asked(id)).map(read).collect()
}

/// Reads one answer; its members say which kind it is.
pub(crate) fn reply(raw: &RawValue) -> Option<Reply> {
    let answered: Answered<'_> = serde_json::from_str(raw.get()).ok()?;
    if let Some(action) = answered.action {
        let consent = match action.as_str() {
            "accept" => {
                let form = answered.content.map(RawValue::get).filter(|text| *text != "null");
                if form.is_some_and(|text| !text.starts_with('{')) {
                    return None;
                }
                Consent::Accept(form.map(str::to_owned))
            }
            "decline" => Consent::Decline,
            "cancel" => Consent::Cancel,
            _ => return None,
        };
        return Some(Reply::Consent(consent));
    }
    if let Some(roots) = answered.roots {
        let roots: Vec<Named> = serde_json::from_str(roots.get()).ok()?;
        return Some(Reply::Roots(roots.into_iter().map(|one| Root { uri: one.uri, name: one.name }).collect()));
    }
    let role = match answered.role.as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => return None,
    };
    let content = blocks(answered.content?)?.into_iter().map(part).collect::<Option<_>>()?;
    Some(Reply::Sampled(Sampled { role, content, model: answered.model?, stop_reason: answered.stop_reason }))
}

/// One block, or several.
fn blocks(raw: &RawValue) -> Option<Vec<Block<'_>>> {
    if raw.get().starts_with('[') {
        return serde_json::from_str(raw.get()).ok();
    }
    serde_json::from_str(raw.get()).ok().map(|one| vec![one])
}

fn part(block: Block<'_>) -> Option<MessageContent> {
    Some(match block.kind.as_str() {
        "tool_use" => MessageContent::ToolUse(ToolUse {
            id: block.id?,
            name: block.name?,
            arguments: block.input?.get().to_owned(),
        }),
        "tool_result" => MessageContent::ToolAnswer(ToolAnswer {
            id: block.tool_use_id?,
            content: blocks(block.content?)?.into_iter().map(plain).collect::<Option<_>>()?,
            structured: block.structured.map(|raw| raw.get().to_owned()),
            is_error: block.is_error,
        }),
        _ => match plain(block)? {
            Content::Text(text) => MessageContent::Text(text),
            Content::Image(image) => MessageContent::Image(image),
            Content::Audio(audio) => MessageContent::Audio(audio),
            Content::Link(_) | Content::Embedded(_) => return None,
        },
    })
}

fn plain(block: Block<'_>) -> Option<Content> {
    if block.kind == "text" {
        return Some(Content::Text(Text { text: block.text?, annotations: None, meta: None }));
    }
    let data = STANDARD.decode(block.data?).ok()?;
    let media = Media { data, mime_type: block.mime_type?, annotations: None, meta: None };
    match block.kind.as_str() {
        "image" => Some(Content::Image(media)),
        "audio" => Some(Content::Audio(media)),
        _ => None,
    }
}
