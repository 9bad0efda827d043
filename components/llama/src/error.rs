//! Why a model was not loaded, or not computed to the end.

use tidegate_gguf::{Defect, Unreadable};

/// Why a model was not loaded. Nothing of it is held.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// The file is not what the format says.
    #[error("the file is broken")]
    Broken(#[from] Defect),
    /// Another architecture.
    #[error("architecture `{0}`; only `llama` is computed")]
    Architecture(String),
    /// Something that the architecture may have and this crate does not compute.
    #[error("{0}")]
    Unsupported(String),
    /// Weights of a kind that is not computed.
    #[error("tensor `{tensor}` is of kind {kind}; F32, F16, Q8_0, Q4_0, Q4_K and Q6_K are computed")]
    Kind {
        /// The tensor.
        tensor: String,
        /// Its kind.
        kind: &'static str,
    },
    /// Metadata is missing.
    #[error("metadata `{0}` is missing")]
    Missing(String),
    /// Metadata has another type or a value out of bounds.
    #[error("metadata `{key}` {problem}")]
    Metadata {
        /// Its key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A tensor is missing.
    #[error("tensor `{0}` is missing")]
    NoTensor(String),
    /// A tensor has another shape than the architecture gives it.
    #[error("tensor `{tensor}` has shape {found:?}; it must be {expected:?}")]
    TensorShape {
        /// The tensor.
        tensor: String,
        /// What it must be, the innermost dimension first.
        expected: Vec<u64>,
        /// What it is.
        found: Vec<u64>,
    },
    /// A scale or a number is infinite or not a number.
    #[error("tensor `{tensor}` has a number that is not finite")]
    NotFinite {
        /// The tensor.
        tensor: String,
    },
    /// A part of the tokenizer is wrong.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// It does not fit.
    #[error("{needed} bytes of memory are needed, {available} are there")]
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes that there are; 0: not known.
        available: u64,
    },
    /// Whoever asked does not want it any more.
    #[error("stopped")]
    Stopped,
    /// The node could not read the file.
    #[error("the file cannot be read: {0}")]
    Unreadable(Unreadable),
}

/// Whoever asked does not want the result any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

// === impl LoadError ===

impl LoadError {
    pub(crate) fn memory(needed: u64) -> Self {
        Self::Memory { needed, available: 0 }
    }
}
