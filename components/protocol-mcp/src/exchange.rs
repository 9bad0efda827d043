//! A call as a state machine: from a request over events to its answer, apart from any transport.

use crate::answer;
use crate::bindings::tidegate::gateway::calls::{self, Event, Outcome};
use crate::bindings::tidegate::types::content::Severity;
use crate::bindings::tidegate::types::input::{Answer, Questions};
use crate::content;
use crate::errors::{INTERNAL, RpcError};
use crate::gateway::Gateway;
use crate::inputs;
use crate::json::{Id, Request, Writer, string};
use crate::methods;
use crate::session::View;
use crate::state;
use crate::tasks::Status;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A tool.
    Tool,
    /// A resource.
    Resource,
    /// A prompt.
    Prompt,
    /// A completion.
    Completion,
}

/// A call that has a plan but does not run yet.
pub(crate) struct Planned {
    /// Follows the call.
    pub(crate) exchange: Exchange,
    /// Starts it.
    pub(crate) request: calls::Request,
}

/// Follows a call.
pub(crate) struct Exchange {
    /// The request's id.
    pub(crate) id: Id,
    /// How to speak with the client.
    pub(crate) view: View,
    /// The client no longer wants an answer.
    pub(crate) cancelled: bool,
    kind: Kind,
    /// JSON.
    token: Option<String>,
    progress: f64,
    binding: String,
    /// `traceparent`; the host looks whether it is one.
    trace: Option<String>,
}

/// How a round ended.
pub(crate) enum Conclusion {
    /// With an answer, and the HTTP status it travels with.
    Answer(String, u16),
    /// With an error that the client mends with another token: it travels with status 403 and this challenge.
    Forbidden(String, String),
    /// With questions to put to a legacy client.
    Ask(Questions),
    /// With nothing to say: the client cancelled.
    Silence,
}

impl Conclusion {
    /// The answer's text, if there is one.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Answer(text, _) | Self::Forbidden(text, _) => Some(text),
            Self::Ask(_) | Self::Silence => None,
        }
    }
}

/// Makes a plan of a request's first round, or of a later one whose answers come with it (modern).
///
/// # Errors
/// -32602 for parameters that do not fit.
pub(crate) fn plan<G: Gateway>(
    gateway: &G,
    view: &View,
    request: &Request<'_>,
    kind: Kind,
) -> Result<Planned, RpcError> {
    let params = &request.params;
    let binding = if view.revision.is_modern() { state::binding(kind, params) } else { String::new() };
    let mut answers = Vec::new();
    let mut left = None;
    if view.revision.is_modern() {
        if let Some(raw) = params.input_responses {
            answers = inputs::responses(raw)?;
        }
        if let Some(raw) = params.request_state {
            left = state::open(gateway, raw, &binding)?;
        }
    }
    let meta = params.meta()?;
    let token = match meta.progress_token {
        Some(raw) => Some(
            Id::read(raw)
                .map(|id| id.json().to_owned())
                .or_else(|| number(raw.get()))
                .ok_or_else(|| RpcError::params("`progressToken` must be a string or a number"))?,
        ),
        None => None,
    };
    let exchange = Exchange {
        id: request.id.clone(),
        view: view.clone(),
        cancelled: false,
        kind,
        token,
        progress: f64::NEG_INFINITY,
        binding,
        trace: meta.traceparent.and_then(string).map(std::borrow::Cow::into_owned),
    };
    let request = exchange.round(request, answers, left)?;
    Ok(Planned { exchange, request })
}

fn number(text: &str) -> Option<String> {
    text.parse::<f64>().is_ok().then(|| text.to_owned())
}

impl Exchange {
    /// The plan of a round, from the same request.
    pub(crate) fn round(
        &self,
        request: &Request<'_>,
        answers: Vec<Answer>,
        state: Option<Vec<u8>>,
    ) -> Result<calls::Request, RpcError> {
        let target = match self.kind {
            Kind::Tool => methods::tool_target(&request.params),
            Kind::Resource => methods::resource_target(&request.params),
            Kind::Prompt => methods::prompt_target(&request.params),
            Kind::Completion => methods::completion_target(&request.params),
        }?;
        Ok(calls::Request { target, answers, state, client: self.view.features, trace: self.trace.clone() })
    }

    /// Whether anything before the result would be sent: otherwise waiting for the end is enough.
    pub(crate) fn wants_events(&self) -> bool {
        self.token.is_some() || self.view.level.is_some() || !self.view.revision.is_modern()
    }

    /// An event as a notification, if the client wants it. `Done` is for [`Exchange::conclude`].
    pub(crate) fn notification(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Progress(report) => {
                let token = self.token.as_deref()?;
                // Progress must grow: a report that does not would be a fault of ours in the client's eyes.
                if report.progress.partial_cmp(&self.progress) != Some(std::cmp::Ordering::Greater) {
                    return None;
                }
                self.progress = report.progress;
                Some(answer::notification("notifications/progress", |writer| {
                    writer.key("progressToken").raw(token).key("progress").number(report.progress);
                    if let Some(total) = report.total {
                        writer.key("total").number(total);
                    }
                    writer.maybe("message", report.message.as_deref());
                }))
            }
            Event::Message(message) => self.wants(message.severity).then(|| {
                answer::notification("notifications/message", |writer| {
                    writer.field("level", content::severity_name(message.severity));
                    writer.maybe("logger", message.logger.as_deref()).key("data").raw(&message.data);
                })
            }),
            Event::Done(_) => None,
        }
    }

    fn wants(&self, severity: Severity) -> bool {
        match self.view.level {
            Some(least) => content::is_at_least(severity, least),
            None => !self.view.revision.is_modern(),
        }
    }

    /// The end of a round.
    pub(crate) fn conclude<G: Gateway>(&self, gateway: &G, result: Result<Outcome, calls::Error>) -> Conclusion {
        if self.cancelled {
            return Conclusion::Silence;
        }
        match result {
            Ok(Outcome::InputRequired(questions)) => self.ask(gateway, questions),
            Ok(outcome) => self.answer(outcome),
            Err(error) => self.failure(error),
        }
    }

    fn answer(&self, outcome: Outcome) -> Conclusion {
        let revision = self.view.revision;
        let mut writer = answer::begin(revision, &self.id, "complete");
        let mut meta = None;
        match outcome {
            Outcome::Tool(output) => {
                content::output(&mut writer, &output, revision);
                meta = output.meta;
            }
            Outcome::Resource(contents) => {
                writer.key("contents").begin_array();
                for one in &contents {
                    content::contents(&mut writer, one);
                }
                writer.end_array();
                answer::cache(&mut writer, revision, 0);
            }
            Outcome::Prompt(expansion) => content::expansion(&mut writer, &expansion, revision),
            Outcome::Completion(suggestions) => {
                writer.key("completion").begin_object().key("values").begin_array();
                for value in suggestions.values.iter().take(100) {
                    writer.string(value);
                }
                writer.end_array();
                if let Some(total) = suggestions.total {
                    writer.key("total").integer(total);
                }
                writer.key("hasMore").boolean(suggestions.more).end_object();
            }
            Outcome::InputRequired(_) => return self.error(&RpcError::new(INTERNAL, "a round ended with questions")),
        }
        Conclusion::Answer(answer::end(writer, revision, meta.as_deref()), 200)
    }

    fn ask<G: Gateway>(&self, gateway: &G, questions: Questions) -> Conclusion {
        let revision = self.view.revision;
        if let Some(error) = inputs::missing(&questions, self.view.features) {
            return if revision.is_modern() { self.error(&error) } else { self.complaint(&error.message) };
        }
        if !revision.is_modern() {
            return Conclusion::Ask(questions);
        }
        let mut writer = answer::begin(revision, &self.id, "input_required");
        writer.key("inputRequests").raw(&inputs::requests(&questions, revision));
        match state::keep(gateway, questions.state.as_deref(), &self.binding) {
            Ok(kept) => {
                writer.maybe("requestState", kept.as_deref());
                Conclusion::Answer(answer::end(writer, revision, None), 200)
            }
            Err(error) => self.error(&error),
        }
    }

    /// The end of a task: a result where there is one, also one that says of a failure; else an error.
    pub(crate) fn status(&self, ended: Result<Outcome, calls::Error>) -> Status {
        use calls::Error;
        let conclusion = match ended {
            Err(Error::Cancelled) => return Status::Cancelled,
            Err(Error::Forbidden(refusal)) => return Status::Failed(RpcError::forbidden(&refusal).object()),
            // In the core a task ends with what its request would have been answered.
            Err(error) if !self.view.revision.is_modern() => self.failure(error),
            Err(Error::Failed(text) | Error::Denied(text) | Error::Busy(text)) => {
                return Status::Failed(RpcError::new(INTERNAL, text).object());
            }
            Err(Error::Deadline(limit)) => {
                let text = format!("the call did not end within its deadline of {limit} ms");
                return Status::Failed(RpcError::new(INTERNAL, text).object());
            }
            Err(error) => self.failure(error),
            Ok(outcome) => self.answer(outcome),
        };
        settled(conclusion)
    }

    /// The end of a task with what went wrong, where the model sees it.
    pub(crate) fn complaint_status(&self, text: &str) -> Status {
        settled(self.complaint(text))
    }

    /// The answer to a call that produced nothing.
    fn failure(&self, error: calls::Error) -> Conclusion {
        use calls::Error;
        let revision = self.view.revision;
        match error {
            Error::NotFound(name) => self.error(&self.not_found(&name)),
            Error::InvalidArguments(text) if self.kind == Kind::Tool && revision.lenient_arguments => {
                self.complaint(&format!("invalid arguments: {text}"))
            }
            Error::InvalidArguments(text) => self.error(&RpcError::params(format!("invalid arguments: {text}"))),
            Error::Denied(text) => self.complaint(&format!("denied: {text}")),
            // No result of a tool that a model would read: its client asks its user for more rights.
            Error::Forbidden(refusal) => {
                let error = RpcError::forbidden(&refusal);
                match refusal.challenge {
                    Some(challenge) => Conclusion::Forbidden(error.message(Some(&self.id)), challenge),
                    None => self.error(&error),
                }
            }
            Error::Busy(text) => self.complaint(&format!("busy, try again later: {text}")),
            Error::Deadline(limit) => {
                self.complaint(&format!("the call did not end within its deadline of {limit} ms"))
            }
            Error::Cancelled => self.error(&RpcError::new(INTERNAL, "the call was cancelled")),
            Error::Failed(text) => self.complaint(&format!("the component failed: {text}")),
        }
    }

    fn not_found(&self, name: &str) -> RpcError {
        let code = self.view.revision.no_resource;
        match self.kind {
            Kind::Tool => RpcError::params(format!("unknown tool: `{name}`")),
            Kind::Prompt => RpcError::params(format!("unknown prompt: `{name}`")),
            Kind::Completion => RpcError::params(format!("nothing to complete: `{name}`")),
            Kind::Resource => {
                let mut data = Writer::default();
                data.begin_object().field("uri", name).end_object();
                RpcError::new(code, format!("resource not found: `{name}`")).data(data.finish())
            }
        }
    }

    /// What went wrong, where the model sees it if it was a tool.
    pub(crate) fn complaint(&self, text: &str) -> Conclusion {
        if self.kind != Kind::Tool {
            return self.error(&RpcError::new(INTERNAL, text));
        }
        let revision = self.view.revision;
        let mut writer = answer::begin(revision, &self.id, "complete");
        writer.key("content").begin_array().begin_object().field("type", "text").field("text", text);
        writer.end_object().end_array().key("isError").boolean(true);
        Conclusion::Answer(answer::end(writer, revision, None), 200)
    }

    /// An error of the protocol.
    pub(crate) fn error(&self, error: &RpcError) -> Conclusion {
        Conclusion::Answer(error.message(Some(&self.id)), error.status)
    }

    /// Whether a `notifications/cancelled` means this call.
    pub(crate) fn is_meant_by(&self, id: &str) -> bool {
        self.id.json() == id
    }
}

/// The id in a `notifications/cancelled`, as JSON.
pub(crate) fn cancelled_id(params: &crate::json::Params<'_>) -> Option<String> {
    params.request_id.and_then(Id::read).map(|id| id.json().to_owned())
}

/// An answer as the end of a task.
fn settled(conclusion: Conclusion) -> Status {
    #[derive(serde::Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        result: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        error: Option<&'a serde_json::value::RawValue>,
    }
    let Conclusion::Answer(text, _) = conclusion else { return Status::Cancelled };
    match serde_json::from_str::<Message<'_>>(&text) {
        Ok(Message { result: Some(result), .. }) => Status::Completed(result.get().to_owned()),
        Ok(Message { error: Some(error), .. }) => Status::Failed(error.get().to_owned()),
        _ => Status::Failed(RpcError::new(INTERNAL, "the result was lost").object()),
    }
}
