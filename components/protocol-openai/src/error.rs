//! What goes wrong, in OpenAI's words and statuses.

use serde::Serialize;

use crate::models::{Error, Failure};

/// After how many seconds a client that met a busy model should come again: shorter only adds to the queue.
const BUSY_SECONDS: u32 = 1;

/// An answer that is an error. The message says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// Of HTTP.
    pub(crate) status: u16,
    /// For people.
    pub(crate) message: String,
    /// The parameter that is at fault: `messages[0].content`.
    pub(crate) param: Option<String>,
    /// For programs.
    pub(crate) code: Option<&'static str>,
    /// Whether it helps to come again.
    pub(crate) retry: Retry,
}

/// Whether it helps to come again. Official clients do so by themselves, unless they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// As the status says.
    ByStatus,
    /// After so many seconds.
    After(u32),
    /// It does not.
    Never,
}

/// Where the parameters of a request go, so that a backend's error names the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names {
    /// What the model reads: `messages`, `prompt`, `input`.
    pub(crate) input: &'static str,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: Option<&'static str>,
}

impl ApiError {
    /// An error of a request.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None, retry: Retry::ByStatus }
    }

    /// A parameter that is wrong.
    pub(crate) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), code: Some("invalid_value"), ..Self::new(400, message) }
    }

    /// A parameter that this node cannot follow.
    pub(crate) fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: Some("unsupported_parameter"), ..Self::invalid(param, message) }
    }

    /// A parameter that is missing.
    pub(crate) fn missing(param: &str) -> Self {
        Self { code: Some("missing_required_parameter"), ..Self::invalid(param, format!("`{param}` is missing")) }
    }

    fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    fn never(self) -> Self {
        Self { retry: Retry::Never, ..self }
    }

    /// As JSON, in OpenAI's shape.
    pub(crate) fn json(&self) -> String {
        let inner =
            Inner { message: &self.message, r#type: self.kind(), param: self.param.as_deref(), code: self.code };
        serde_json::to_string(&Body { error: inner }).unwrap_or_default()
    }

    fn kind(&self) -> &'static str {
        match self.status {
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }

    /// What a model did not do. `model`: as the client names it.
    pub(crate) fn of(failure: &Failure, model: &str, names: Names) -> Self {
        match failure {
            // What the host says beside it is for who runs the node; it is in its log.
            Failure::NotFound(_) => unknown(model),
            Failure::Busy(text) => Self { retry: Retry::After(BUSY_SECONDS), ..Self::new(429, text).code("busy") },
            Failure::NoBackend(text) => Self::new(503, text).code("no_backend").never(),
            Failure::DoesNotFit(short) => {
                let text = format!(
                    "the model `{model}` needs {} MiB of memory, and models may have {} MiB here: use a smaller one",
                    short.needed.div_ceil(1 << 20),
                    short.available >> 20
                );
                Self::new(503, text).code("model_does_not_fit").never()
            }
            Failure::Failed(text) => Self::new(500, text).code("backend_failed"),
            Failure::Refused(error) => refused(error, model, names),
        }
    }
}

fn unknown(model: &str) -> ApiError {
    let shown: String = model.chars().take(80).flat_map(char::escape_debug).collect();
    let text = format!("there is no model `{shown}` here for you; `GET /v1/models` lists those that are");
    ApiError { param: Some("model".to_owned()), ..ApiError::new(404, text).code("model_not_found") }
}

fn refused(error: &Error, model: &str, names: Names) -> ApiError {
    let broken = |text: String| ApiError::new(500, text).code("model_failed").never();
    match error {
        Error::UnsupportedFeature(what) => unsupported(what, model, names),
        Error::ContextExceeded(short) => ApiError::invalid(
            names.input,
            format!("it has {} tokens, and the model `{model}` takes {}", short.needed, short.available),
        )
        .code("context_length_exceeded"),
        Error::InvalidArgument(text) => ApiError { code: Some("invalid_value"), ..ApiError::new(400, text) },
        Error::OutOfMemory(short) => ApiError::new(
            503,
            format!(
                "it takes {} MiB of memory, and there are {} MiB: ask for less",
                short.needed.div_ceil(1 << 20),
                short.available >> 20
            ),
        )
        .code("out_of_memory")
        .never(),
        Error::Cancelled => ApiError::new(499, "it was cancelled").code("cancelled"),
        Error::Deadline => {
            let text = "the model did not get to it, or not to its end, within the time that the node gives it";
            ApiError::new(504, text).code("deadline").never()
        }
        Error::UnsupportedFormat(what) => broken(format!("the backend of `{model}` does not read this format: {what}")),
        Error::UnsupportedArchitecture(what) => {
            broken(format!("the backend of `{model}` does not compute the architecture `{what}`"))
        }
        Error::UnsupportedOperator(operator) => {
            broken(format!("the backend of `{model}` has no operator `{}`", operator.name))
        }
        Error::Malformed(defect) => {
            broken(format!("the file of `{model}` is broken in {}: {}", defect.place, defect.problem))
        }
        Error::UnknownTensor(_) | Error::MissingTensor(_) | Error::ShapeMismatch(_) => {
            broken(format!("the backend of `{model}` takes no texts as it says it does"))
        }
        Error::Unreadable(text) | Error::Other(text) => broken(format!("the model `{model}` failed: {text}")),
    }
}

/// What the model or its backend cannot do, at the parameter that asked for it.
fn unsupported(what: &str, model: &str, names: Names) -> ApiError {
    let param = match what.split(['.', ' ']).next().unwrap_or_default() {
        "constraint" => "response_format",
        "dimensions" => "dimensions",
        "logprobs" => "logprobs",
        "chat" => "messages",
        "embed" if what.contains("dimensions") => "dimensions",
        "embed" | "generate" | "tokenize" => "model",
        _ => names.input,
    };
    ApiError::unsupported(param, format!("the model `{model}` or its backend cannot do this: {what}"))
}
