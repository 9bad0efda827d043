//! What a tool gives back.
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::ask::Questions;
use crate::bindings::types::tools;
use crate::{Content, ToolError, schema};

/// A result with every part under your control: blocks of content, a structured value, failure, metadata.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// Blocks for the model, in order.
    pub content: Vec<Content>,
    /// The structured result as JSON text.
    pub structured: Option<String>,
    /// The answer is a failure that the model should see.
    pub is_error: bool,
    /// Further metadata, a JSON object as text.
    pub meta: Option<String>,
}

impl Output {
    /// A result of one block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::content([Content::text(text)])
    }

    /// A result of blocks.
    pub fn content(content: impl IntoIterator<Item = Content>) -> Self {
        Self { content: content.into_iter().collect(), ..Self::default() }
    }

    /// Adds a structured value. The tool then has no output schema; [`Structured`] gives it one.
    ///
    /// # Errors
    /// The value has no JSON form (a map whose keys are no strings).
    pub fn with_structured(mut self, value: &impl Serialize) -> Result<Self, ToolError> {
        self.structured = Some(json(value)?);
        Ok(self)
    }

    /// Adds metadata, which must serialise as a JSON object.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn with_meta(mut self, meta: &impl Serialize) -> Result<Self, ToolError> {
        self.meta = Some(json(meta)?);
        Ok(self)
    }

    /// All text of the content, blocks joined by line breaks.
    #[must_use]
    pub fn plain_text(&self) -> String {
        let blocks: Vec<&str> = self.content.iter().filter_map(Content::as_text).collect();
        blocks.join("\n")
    }
}

impl From<Output> for tools::Output {
    fn from(output: Output) -> Self {
        Self {
            content: output.content.into_iter().map(|block| block.0).collect(),
            structured: output.structured,
            is_error: output.is_error,
            meta: output.meta,
        }
    }
}

/// A typed result: structured for programs, with an output schema, and as text for models.
///
/// Without [`Structured::text`] the text is the JSON itself, as the protocol recommends.
#[derive(Debug, Clone, PartialEq)]
pub struct Structured<T> {
    /// The value.
    pub value: T,
    /// Its rendition for models and people.
    pub text: Option<String>,
    /// Blocks after the text.
    pub extra: Vec<Content>,
}

impl<T> Structured<T> {
    /// A value whose text is its JSON.
    pub fn new(value: T) -> Self {
        Self { value, text: None, extra: Vec::new() }
    }

    /// Gives the text that models and people read.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Adds a block after the text: an image, a link to a resource.
    #[must_use]
    pub fn and(mut self, block: Content) -> Self {
        self.extra.push(block);
        self
    }
}

/// How a round of a call ended: with a result, or with questions whose answers start the next round.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply<T> {
    /// With a result.
    Done(T),
    /// With questions; see [`crate::ask`].
    Ask(Questions),
}

/// What a tool function may return: text, blocks, [`Output`], [`Structured`], [`Reply`] of these, or `()`.
pub trait IntoReply {
    /// The JSON Schema of the structured result, if there is always one.
    #[must_use]
    fn output_schema() -> Option<Value> {
        None
    }

    /// The reply.
    ///
    /// # Errors
    /// The value has no JSON form.
    fn into_reply(self) -> Result<Reply<Output>, ToolError>;
}

impl IntoReply for Output {
    fn into_reply(self) -> Result<Reply<Output>, ToolError> {
        Ok(Reply::Done(self))
    }
}

impl IntoReply for () {
    fn into_reply(self) -> Result<Reply<Output>, ToolError> {
        Ok(Reply::Done(Output::default()))
    }
}

impl IntoReply for String {
    fn into_reply(self) -> Result<Reply<Output>, ToolError> {
        Ok(Reply::Done(Output::text(self)))
    }
}

impl IntoReply for &'static str {
    fn into_reply(self) -> Result<Reply<Output>, ToolError> {
        Ok(Reply::Done(Output::text(self)))
    }
}

impl IntoReply for Content {
    fn into_reply(self) -> Result<Reply<Output>, ToolError> {
        Ok(Reply::Done(Output::content([self])))
    }
}

impl IntoReply for Vec<Content> {
    fn into_reply(self) -> Result<Reply<Output>, ToolError> {
        Ok(Reply::Done(Output::content(self)))
    }
}

impl<T: Serialize + JsonSchema> IntoReply for Structured<T> {
    fn output_schema() -> Option<Value> {
        Some(schema::output::<T>())
    }

    fn into_reply(self) -> Result<Reply<Output>, ToolError> {
        let structured = json(&self.value)?;
        let text = self.text.unwrap_or_else(|| structured.clone());
        let content = std::iter::once(Content::text(text)).chain(self.extra).collect();
        Ok(Reply::Done(Output { content, structured: Some(structured), ..Output::default() }))
    }
}

impl<T: IntoReply> IntoReply for Reply<T> {
    fn output_schema() -> Option<Value> {
        T::output_schema()
    }

    fn into_reply(self) -> Result<Reply<Output>, ToolError> {
        match self {
            Self::Done(result) => result.into_reply(),
            Self::Ask(questions) => Ok(Reply::Ask(questions)),
        }
    }
}

fn json(value: &impl Serialize) -> Result<String, ToolError> {
    serde_json::to_string(value).map_err(|error| ToolError::internal(format!("the result has no JSON form: {error}")))
}
