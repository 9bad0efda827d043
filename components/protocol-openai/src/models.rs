//! What the core needs of the world around it, as traits: the WIT imports implement them in the component (`wit.rs`), a
//! double does in native tests (`double.rs`).

use std::time::Duration;

pub(crate) use crate::bindings::tidegate::model::models::{Failure, Summary};
pub(crate) use crate::bindings::tidegate::model::types::{
    Completion, Constraint, Conversation, Description, EmbedOptions, Embeddings, Error, Finish, GenerateRequest,
    Message, Prompt, Role, Sampling, Step, Token, Usage,
};

/// The models that were granted, and the little else that the host gives.
pub(crate) trait Models {
    /// A text in the making; dropping it cancels it.
    type Text: Text;

    /// Every model, ordered by name.
    fn list(&self) -> Vec<Summary>;
    /// What a model is.
    fn describe(&self, model: &str) -> Result<Description, Failure>;
    /// Embeds at most 256 texts.
    fn embed(&self, model: &str, texts: &[String], options: EmbedOptions) -> Result<Embeddings, Failure>;
    /// Cuts a text into tokens.
    fn tokenize(&self, model: &str, text: &str, special: bool) -> Result<Vec<u32>, Failure>;
    /// Joins tokens to a text.
    fn detokenize(&self, model: &str, tokens: &[u32]) -> Result<String, Failure>;
    /// Begins a text.
    fn generate(&self, model: &str, request: GenerateRequest) -> Self::Text;
    /// Waits until the text has a step, the client has gone, or `limit` is over.
    fn wait(&self, text: &Self::Text, limit: Duration) -> Woken;
    /// Whether the client of this request has gone.
    fn is_closed(&self) -> bool;
    /// Seconds since 1970.
    fn now(&self) -> u64;
    /// Sixty-four random bits.
    fn random(&self) -> u64;
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// A step is there.
    Step,
    /// The client has gone.
    Gone,
    /// The time is over.
    Time,
}

/// As `models.generation`.
pub(crate) trait Text {
    /// The next step, if one waits.
    fn next(&self) -> Option<Result<Step, Failure>>;
}
