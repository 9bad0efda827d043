//! One HTTP request: where it goes.

use serde_json::Value;

use super::exit::{Exit, Reply};
use crate::error::ApiError;
use crate::generate::generate;
use crate::models::Models;
use crate::{chat, completions, embeddings, listing};

const MODELS: &str = "/v1/models";

/// What is asked, its body apart.
#[derive(Debug)]
pub(crate) struct Request {
    /// The method.
    pub(crate) verb: Verb,
    /// The path, and what stands behind its `?`.
    pub(crate) target: String,
    /// `Content-Type`.
    pub(crate) content_type: Option<String>,
}

/// Methods that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// Any other.
    Other,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than we read.
    TooLong,
    /// The client stopped in the middle.
    Broken,
}

/// Where a path leads.
enum Place {
    Models,
    Model(String),
    Chat,
    Text,
    Embeddings,
}

/// Serves a request. The body is read only if the head promises that it makes sense.
pub(crate) fn serve<M: Models>(
    models: &M,
    request: &Request,
    body: impl FnOnce() -> Result<Vec<u8>, BodyError>,
    exit: &mut impl Exit,
) {
    let path = request.target.split('?').next().unwrap_or_default();
    let Some(place) = place(path) else {
        let shown: String = path.chars().take(80).flat_map(char::escape_debug).collect();
        return exit.send(Reply::error(&ApiError::new(404, format!("nothing is served at `{shown}`"))));
    };
    let (verb, allow) = match place {
        Place::Models | Place::Model(_) => (Verb::Get, "GET"),
        Place::Chat | Place::Text | Place::Embeddings => (Verb::Post, "POST"),
    };
    if request.verb != verb {
        let error = ApiError::new(405, format!("method not allowed here; use {allow}"));
        return exit.send(Reply { allow: Some(allow), ..Reply::error(&error) });
    }
    let served = match place {
        Place::Models => {
            exit.send(Reply::json(200, listing::all(models)));
            Ok(())
        }
        Place::Model(name) => listing::one(models, &name).map(|body| exit.send(Reply::json(200, body))),
        Place::Chat => {
            json(request, body).and_then(|body| chat::read(&body)).map(|wanted| generate(models, wanted, exit))
        }
        Place::Text => {
            json(request, body).and_then(|body| completions::read(&body)).map(|wanted| generate(models, wanted, exit))
        }
        Place::Embeddings => embed(models, request, body, exit),
    };
    if let Err(error) = served {
        exit.send(Reply::error(&error));
    }
}

fn embed<M: Models>(
    models: &M,
    request: &Request,
    body: impl FnOnce() -> Result<Vec<u8>, BodyError>,
    exit: &mut impl Exit,
) -> Result<(), ApiError> {
    let wanted = embeddings::read(&json(request, body)?)?;
    if let Some(answer) = embeddings::embed(models, &wanted)? {
        exit.send(Reply::json(200, answer));
    }
    Ok(())
}

fn place(path: &str) -> Option<Place> {
    match path {
        MODELS => Some(Place::Models),
        "/v1/chat/completions" => Some(Place::Chat),
        "/v1/completions" => Some(Place::Text),
        "/v1/embeddings" => Some(Place::Embeddings),
        other => {
            let name = other.strip_prefix(MODELS)?.strip_prefix('/')?;
            (!name.is_empty()).then(|| Place::Model(decoded(name)))
        }
    }
}

/// A part of a path with its `%XX` read; what is none stays as it is, and names no model.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let pair = after.first_chunk::<2>().and_then(|pair| {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            u8::try_from(high? * 16 + low?).ok()
        });
        match (byte, pair) {
            (b'%', Some(read)) => {
                bytes.push(read);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn json(request: &Request, body: impl FnOnce() -> Result<Vec<u8>, BodyError>) -> Result<Value, ApiError> {
    let kind = request.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    // A page in a browser can send other kinds to a node on the same machine without asking.
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::new(415, "`Content-Type` must be `application/json`"));
    }
    let body = body().map_err(|error| match error {
        BodyError::TooLong => ApiError::new(413, "the body is too long: at most 8 MiB are read"),
        BodyError::Broken => ApiError::new(400, "the body broke off"),
    })?;
    serde_json::from_slice(&body).map_err(|error| ApiError::new(400, format!("the body is no JSON: {error}")))
}
