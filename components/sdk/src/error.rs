//! Why a tool has no result.
use std::fmt;

use crate::bindings::types::tools;

/// Why a tool has no result; says who is at fault.
///
/// Every error of a library converts into [`ToolError::Failed`] by `?`, with its causes. It is no
/// [`std::error::Error`] itself: that is what makes the conversion possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolError {
    /// The tool did its work and the answer is a failure which the model should see and may act on (no such file).
    Failed(String),
    /// An argument has a value that does not fit. The model sees the text and may try again.
    Invalid(String),
    /// The call was cancelled and the tool stopped.
    Cancelled,
    /// The component is at fault: a defect, or an assumption that does not hold.
    Internal(String),
}

impl ToolError {
    /// A failure that the model should see: what happened and what to do instead.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// An argument that does not fit, with its name.
    pub fn invalid(argument: &str, text: impl fmt::Display) -> Self {
        Self::Invalid(format!("argument `{argument}`: {text}"))
    }

    /// A defect of the component.
    pub fn internal(text: impl Into<String>) -> Self {
        Self::Internal(text.into())
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::Invalid(text) | Self::Internal(text) => f.write_str(text),
            Self::Cancelled => f.write_str("the call was cancelled"),
        }
    }
}

impl<E: std::error::Error> From<E> for ToolError {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::Failed(text)
    }
}

/// Why [`crate::Toolbox`] has no outcome: the error of the `tidegate:tool` contract.
#[derive(Debug, Clone, PartialEq)]
pub struct CallError(pub tools::Error);

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            tools::Error::UnknownTool(text) | tools::Error::InvalidArguments(text) | tools::Error::Other(text) => {
                f.write_str(text)
            }
            tools::Error::Cancelled => f.write_str("the call was cancelled"),
        }
    }
}

impl std::error::Error for CallError {}
