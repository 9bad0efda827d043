//! Errors of the libraries as errors of the interface.

use tidegate_gguf::{Defect, Problem};
use tidegate_llama::{GenerateError, LoadError};

use crate::bindings::tidegate::model::control;
use crate::bindings::tidegate::model::types::{self, Error, Operator, Shortage};
use crate::source;

/// Why a file is not read.
pub(crate) fn broken(part: &str, defect: Defect) -> Error {
    match defect.problem {
        Problem::Unreadable(error) => Error::Unreadable(error.to_string()),
        Problem::Magic(_) | Problem::Version(_) | Problem::BigEndian => {
            Error::UnsupportedFormat(defect.problem.to_string())
        }
        problem => malformed(part, defect.place, defect.offset, problem.to_string()),
    }
}

/// Why a model is not loaded.
pub(crate) fn load(part: &str, error: LoadError) -> Error {
    let text = error.to_string();
    match error {
        LoadError::Broken(defect) => broken(part, defect),
        LoadError::Architecture(name) => Error::UnsupportedArchitecture(name),
        LoadError::Unsupported(what) => Error::UnsupportedFeature(what),
        LoadError::Kind { tensor, kind } => {
            Error::UnsupportedOperator(Operator { name: format!("ggml/{kind}"), place: tensor })
        }
        LoadError::NoTensor(tensor) | LoadError::TensorShape { tensor, .. } | LoadError::NotFinite { tensor } => {
            malformed(part, format!("tensor {tensor}"), None, text)
        }
        LoadError::Missing(_) | LoadError::Metadata { .. } | LoadError::Tokenizer(_) => {
            malformed(part, "metadata".to_owned(), None, text)
        }
        LoadError::Memory { needed, .. } => {
            Error::OutOfMemory(Shortage { needed, available: control::available_memory() })
        }
        LoadError::Stopped => source::stopped(),
        LoadError::Unreadable(error) => Error::Unreadable(error.to_string()),
    }
}

/// Why a text does not go on.
pub(crate) fn generate(error: GenerateError) -> Error {
    match error {
        GenerateError::Stopped => source::stopped(),
        GenerateError::Stuck => Error::Other(error.to_string()),
    }
}

fn malformed(part: &str, place: String, offset: Option<u64>, problem: String) -> Error {
    Error::Malformed(types::Defect { part: part.to_owned(), place, offset, problem })
}
