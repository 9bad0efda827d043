//! What components answer, checked, as outcomes of calls.

use serde::de::IgnoredAny;
use tidegate_bindings::gateway::tidegate::gateway::calls::{Error, Outcome};
use tidegate_bindings::types::completion::{Error as CompletionError, Suggestions};
use tidegate_bindings::types::content::{Body, Content, ResourceContents, Text};
use tidegate_bindings::types::input::Questions;
use tidegate_bindings::types::prompts::{Error as PromptError, Outcome as PromptOutcome};
use tidegate_bindings::types::resources::{Error as ResourceError, Outcome as ResourceOutcome};
use tidegate_bindings::types::tools::{Error as ToolError, Outcome as ToolOutcome, Output};

/// Questions of one round: a person answers them all at once.
const QUESTIONS: usize = 16;
/// Bytes that a round may leave for the next: they travel through the client.
const STATE: usize = 64 * 1024;
/// Suggestions of one completion; protocols carry no more.
const SUGGESTIONS: usize = 100;

pub(crate) fn tool(end: Result<ToolOutcome, ToolError>) -> Result<Outcome, Error> {
    match end {
        Ok(ToolOutcome::Done(output)) => Ok(Outcome::Tool(output)),
        Ok(ToolOutcome::InputRequired(questions)) => Ok(Outcome::InputRequired(questions)),
        Err(ToolError::UnknownTool(name)) => Err(Error::NotFound(name)),
        Err(ToolError::InvalidArguments(text)) => Err(Error::InvalidArguments(text)),
        Err(ToolError::Cancelled) => Err(Error::Cancelled),
        Err(ToolError::Other(text)) => Err(Error::Failed(text)),
    }
}

pub(crate) fn resource(end: Result<ResourceOutcome, ResourceError>) -> Result<Outcome, Error> {
    match end {
        Ok(ResourceOutcome::Done(contents)) => Ok(Outcome::Resource(contents)),
        Ok(ResourceOutcome::InputRequired(questions)) => Ok(Outcome::InputRequired(questions)),
        Err(ResourceError::NotFound(uri)) => Err(Error::NotFound(uri)),
        Err(ResourceError::Cancelled) => Err(Error::Cancelled),
        Err(ResourceError::Other(text)) => Err(Error::Failed(text)),
    }
}

pub(crate) fn prompt(end: Result<PromptOutcome, PromptError>) -> Result<Outcome, Error> {
    match end {
        Ok(PromptOutcome::Done(expansion)) => Ok(Outcome::Prompt(expansion)),
        Ok(PromptOutcome::InputRequired(questions)) => Ok(Outcome::InputRequired(questions)),
        Err(PromptError::UnknownPrompt(name)) => Err(Error::NotFound(name)),
        Err(PromptError::InvalidArguments(text)) => Err(Error::InvalidArguments(text)),
        Err(PromptError::Cancelled) => Err(Error::Cancelled),
        Err(PromptError::Other(text)) => Err(Error::Failed(text)),
    }
}

pub(crate) fn completion(end: Result<Suggestions, CompletionError>) -> Result<Outcome, Error> {
    match end {
        Ok(mut suggestions) => {
            suggestions.more |= suggestions.values.len() > SUGGESTIONS;
            suggestions.values.truncate(SUGGESTIONS);
            Ok(Outcome::Completion(suggestions))
        }
        Err(CompletionError::Unknown(text)) => Err(Error::NotFound(text)),
        Err(CompletionError::Other(text)) => Err(Error::Failed(text)),
    }
}

/// A block of text.
pub(crate) fn text(text: String) -> Content {
    Content::Text(Text { text, annotations: None, meta: None })
}

/// Whether a text is a JSON object.
pub(crate) fn check_object(what: &str, text: &str) -> Result<(), String> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(format!("the {what} are no JSON object"));
    }
    check_json(what, text)
}

/// Whether a text is JSON.
pub(crate) fn check_json(what: &str, text: &str) -> Result<(), String> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("the {what} are no JSON: {error}")),
    }
}

/// Checks what a component answered: its size, its JSON, what the contract promises. `limit`: bytes.
pub(crate) fn check(outcome: Outcome, limit: u64) -> Result<Outcome, Error> {
    let bytes = size(&outcome);
    if bytes as u64 > limit {
        return Err(Error::Failed(format!("the answer has {bytes} bytes: at most {limit} (policy key `output`)")));
    }
    let broken = |problem: String| Error::Failed(format!("the component's answer is broken: {problem}"));
    match &outcome {
        Outcome::Tool(Output { structured, meta, .. }) => {
            if let Some(json) = structured {
                check_json("structured results", json).map_err(broken)?;
            }
            if let Some(json) = meta {
                check_object("metadata", json).map_err(broken)?;
            }
        }
        Outcome::Resource(contents) if contents.is_empty() => {
            return Err(broken("a resource without contents".to_owned()));
        }
        Outcome::InputRequired(questions) => check_questions(questions).map_err(broken)?,
        Outcome::Resource(_) | Outcome::Prompt(_) | Outcome::Completion(_) => {}
    }
    Ok(outcome)
}

fn check_questions(questions: &Questions) -> Result<(), String> {
    let count = questions.questions.len();
    if count == 0 || count > QUESTIONS {
        return Err(format!("{count} questions: from 1 to {QUESTIONS}"));
    }
    let state = questions.state.as_ref().map_or(0, Vec::len);
    if state > STATE {
        return Err(format!("a state of {state} bytes: at most {STATE}"));
    }
    Ok(())
}

fn size(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Tool(output) => {
            output.content.iter().map(content_size).sum::<usize>() + output.structured.as_ref().map_or(0, String::len)
        }
        Outcome::Resource(contents) => contents.iter().map(contents_size).sum(),
        Outcome::Prompt(expansion) => expansion.messages.iter().map(|message| content_size(&message.content)).sum(),
        Outcome::Completion(suggestions) => suggestions.values.iter().map(String::len).sum(),
        Outcome::InputRequired(questions) => questions.state.as_ref().map_or(0, Vec::len),
    }
}

fn content_size(content: &Content) -> usize {
    /// What a block takes beside its payload.
    const FRAME: usize = 128;
    FRAME
        + match content {
            Content::Text(text) => text.text.len(),
            Content::Image(media) | Content::Audio(media) => media.data.len(),
            Content::Link(entry) => entry.uri.len() + entry.description.as_ref().map_or(0, String::len),
            Content::Embedded(embedded) => contents_size(&embedded.contents),
        }
}

fn contents_size(contents: &ResourceContents) -> usize {
    match &contents.body {
        Body::Text(text) => text.len(),
        Body::Blob(blob) => blob.len(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn output(text_bytes: usize, structured: Option<&str>) -> Outcome {
        Outcome::Tool(Output {
            content: vec![text("x".repeat(text_bytes))],
            structured: structured.map(str::to_owned),
            is_error: false,
            meta: None,
        })
    }

    #[test]
    fn answers_beyond_their_limits_are_refused_with_the_policy_key() {
        check(output(800, None), 1000).unwrap();
        let error = format!("{:?}", check(output(1001, None), 1000).unwrap_err());
        assert!(error.contains("policy key `output`"), "{error}");
    }

    #[test]
    fn broken_answers_are_the_components_fault() {
        check(output(0, Some("[1,2]")), 1000).unwrap();
        for broken in [
            output(0, Some("{")),
            Outcome::Resource(Vec::new()),
            Outcome::InputRequired(Questions { questions: Vec::new(), state: None }),
        ] {
            let error = format!("{:?}", check(broken, 1000).unwrap_err());
            assert!(error.contains("broken"), "{error}");
        }
    }

    #[test]
    fn arguments_are_an_object() {
        check_object("arguments", " {\"a\":1}").unwrap();
        for bad in ["[]", "1", "", "{", "{\"a\":}", "null"] {
            check_object("arguments", bad).unwrap_err();
        }
    }
}
