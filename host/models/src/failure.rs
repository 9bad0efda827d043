//! Failures in words, and their sorting.

use tidegate_audit::CallEnd;
use tidegate_bindings::model_backend::tidegate::model::types::{Capabilities, Dimension, Element, Error, Port};
use tidegate_grant::format_bytes;
use tidegate_supervisor::{Failure as Broken, RunError};

use crate::Failure;

/// A failure for people: what happened, and what to do.
#[must_use]
pub fn describe_failure(failure: &Failure) -> String {
    match failure {
        Failure::NotFound(text) | Failure::NoBackend(text) | Failure::Busy(text) | Failure::Failed(text) => {
            text.clone()
        }
        Failure::DoesNotFit(shortage) => format!(
            "the model needs {} of memory, and models may have {} here (`memory` under `[models]` in the configuration, and in \
             the limits of the backend's `[[grant]]`)",
            format_bytes(shortage.needed),
            format_bytes(shortage.available)
        ),
        Failure::Refused(error) => describe_error(error),
    }
}

/// A backend's error for people.
#[must_use]
pub fn describe_error(error: &Error) -> String {
    match error {
        Error::UnsupportedFormat(what) => format!("the backend does not read this format: {what}"),
        Error::UnsupportedArchitecture(name) => format!("the backend does not compute the architecture `{name}`"),
        Error::UnsupportedOperator(operator) => {
            let place = if operator.place.is_empty() { String::new() } else { format!(" (at {})", operator.place) };
            format!("the backend has no operator `{}`{place}", operator.name)
        }
        Error::UnsupportedFeature(what) => format!("the model or its backend cannot do this: {what}"),
        Error::Malformed(defect) => {
            let offset = defect.offset.map_or(String::new(), |offset| format!(" at byte {offset}"));
            format!("`{}` is broken in {}{offset}: {}", defect.part, defect.place, defect.problem)
        }
        Error::UnknownTensor(name) => format!("the model has no tensor `{name}`"),
        Error::MissingTensor(name) => format!("the input `{name}` is missing"),
        Error::ShapeMismatch(misfit) => format!(
            "the input `{}` takes {}, not {} with {} bytes",
            misfit.tensor,
            describe_port(&misfit.expected),
            shape(misfit.element, misfit.shape.iter().map(u64::to_string)),
            misfit.bytes
        ),
        Error::ContextExceeded(shortage) => {
            format!("the text has {} tokens, at most {} fit", shortage.needed, shortage.available)
        }
        Error::InvalidArgument(text) => text.clone(),
        Error::OutOfMemory(shortage) => format!(
            "it needs {} of memory and there are {} (`memory` in the limits of the backend's `[[grant]]`)",
            format_bytes(shortage.needed),
            format_bytes(shortage.available)
        ),
        Error::Unreadable(text) => text.clone(),
        Error::Cancelled => "it was cancelled".to_owned(),
        Error::Deadline => "its time is over (policy key `deadline` of the backend)".to_owned(),
        Error::Other(text) => format!("the backend failed: {text}"),
    }
}

/// Element and shape of a port, `f32 [batch, 128]`.
#[must_use]
pub fn describe_port(port: &Port) -> String {
    let dimension = |dimension: &Dimension| match dimension {
        Dimension::Fixed(length) => length.to_string(),
        Dimension::Dynamic(name) if name.is_empty() => "?".to_owned(),
        Dimension::Dynamic(name) => name.clone(),
    };
    shape(port.element, port.shape.iter().map(dimension))
}

fn shape(element: Element, dimensions: impl Iterator<Item = String>) -> String {
    let name = format!("{element:?}");
    let name = name.rsplit("::").next().unwrap_or_default().to_lowercase();
    format!("{name} [{}]", dimensions.collect::<Vec<_>>().join(", "))
}

/// What can be asked of a model, in words.
#[must_use]
pub fn describe_capabilities(capabilities: Capabilities) -> Vec<String> {
    let all = [
        (Capabilities::INFER, "infer"),
        (Capabilities::EMBED, "embed"),
        (Capabilities::CLASSIFY, "classify"),
        (Capabilities::GENERATE, "generate"),
        (Capabilities::CHAT, "chat"),
        (Capabilities::TOKENIZE, "tokenize"),
        (Capabilities::JSON_CONSTRAINT, "json-constraint"),
        (Capabilities::GRAMMAR_CONSTRAINT, "grammar-constraint"),
    ];
    all.iter().filter(|(flag, _)| capabilities.contains(*flag)).map(|(_, name)| (*name).to_owned()).collect()
}

/// How a request ended, for the audit log.
pub(crate) fn end<T>(result: &Result<T, Failure>) -> CallEnd {
    match result {
        Ok(_) => CallEnd::Done,
        Err(Failure::NotFound(_) | Failure::Busy(_) | Failure::DoesNotFit(_) | Failure::NoBackend(_)) => {
            CallEnd::Refused
        }
        Err(Failure::Refused(Error::Cancelled)) => CallEnd::Cancelled,
        Err(Failure::Refused(Error::Deadline)) => CallEnd::Deadline,
        Err(Failure::Refused(_)) => CallEnd::Invalid,
        Err(Failure::Failed(_)) => CallEnd::Failed,
    }
}

/// What became of an instance, as a failure of the request that it worked on.
pub(crate) fn broken(backend: &str, error: &RunError) -> Failure {
    match error {
        RunError::Failed(Broken::Deadline) => Failure::Refused(Error::Deadline),
        RunError::Failed(Broken::PoolExhausted(_)) => Failure::Busy(error.to_string()),
        other => Failure::Failed(format!("the backend `{backend}` failed: {other}")),
    }
}
