//! Methods: from a request to what must be done about it, apart from any transport.

mod listen;
mod lists;
mod queries;
mod skills;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer;
use crate::bindings::tidegate::types::event::ClientFeatures;
use crate::content::severity;
use crate::errors::{METHOD_NOT_FOUND, RpcError};
use crate::exchange::{self, Planned};
use crate::gateway::Gateway;
use crate::json::{Request, Writer, text};
use crate::revision::{Era, NEWEST_LEGACY, Revision};
use crate::session::{Note, View};
use crate::tasks;

pub(crate) use listen::{Listen, legacy as legacy_change};

/// What must be done about a request.
pub(crate) enum Action {
    /// Send this answer.
    Answer(String),
    /// Send this answer about a task; then work on the task, if nobody does.
    Task(String),
    /// Start a call.
    Call(Box<Planned>),
    /// Start a call, make a task of it that is kept for so many seconds, and answer with the task.
    Begin(Box<Planned>, u32),
    /// Answer with a task's result once there is one.
    Await,
    /// Answer with the client's tasks.
    ListTasks,
    /// Tell the client of changes until it goes.
    Listen(Listen),
    /// Remember this, then send an empty answer.
    Note(Note),
}

#[derive(Clone, Copy)]
enum Method {
    Ping,
    Discover,
    Listen,
    ListTools,
    ListResources,
    ListTemplates,
    ListPrompts,
    Complete,
    SetLevel,
    Subscribe,
    Unsubscribe,
    Call(exchange::Kind),
    Task(Task),
    ListSkills,
    GetSkill,
    ReadDirectory,
}

/// What is done with a task.
#[derive(Clone, Copy)]
enum Task {
    Get,
    Update,
    Cancel,
    /// As the core has it.
    GetCore,
    CancelCore,
    Result,
    List,
}

const LEGACY: &[Era] = &[Era::Legacy];
const MODERN: &[Era] = &[Era::Modern];
const BOTH: &[Era] = &[Era::Legacy, Era::Modern];

/// Every method, and in which eras it is one. `initialize` is not here: it makes a conversation, so it belongs to the
/// transports (see `era::legacy`).
const METHODS: &[(&str, &[Era], Method)] = &[
    ("tools/call", BOTH, Method::Call(exchange::Kind::Tool)),
    ("tools/list", BOTH, Method::ListTools),
    ("resources/read", BOTH, Method::Call(exchange::Kind::Resource)),
    ("resources/list", BOTH, Method::ListResources),
    ("resources/templates/list", BOTH, Method::ListTemplates),
    ("prompts/get", BOTH, Method::Call(exchange::Kind::Prompt)),
    ("prompts/list", BOTH, Method::ListPrompts),
    ("completion/complete", BOTH, Method::Complete),
    ("server/discover", MODERN, Method::Discover),
    ("subscriptions/listen", MODERN, Method::Listen),
    ("tasks/get", MODERN, Method::Task(Task::Get)),
    ("tasks/update", MODERN, Method::Task(Task::Update)),
    ("tasks/cancel", MODERN, Method::Task(Task::Cancel)),
    ("skills/list", MODERN, Method::ListSkills),
    ("skills/get", MODERN, Method::GetSkill),
    ("resources/directory/read", MODERN, Method::ReadDirectory),
    ("tasks/get", LEGACY, Method::Task(Task::GetCore)),
    ("tasks/cancel", LEGACY, Method::Task(Task::CancelCore)),
    ("tasks/result", LEGACY, Method::Task(Task::Result)),
    ("tasks/list", LEGACY, Method::Task(Task::List)),
    ("ping", LEGACY, Method::Ping),
    ("logging/setLevel", LEGACY, Method::SetLevel),
    ("resources/subscribe", LEGACY, Method::Subscribe),
    ("resources/unsubscribe", LEGACY, Method::Unsubscribe),
];

/// Finds out what must be done.
///
/// # Errors
/// -32601 for a method that the client's revision has not (with status 404 in the modern era), -32602 for parameters
/// that do not fit.
pub(crate) fn dispatch<G: Gateway>(gateway: &G, view: &View, request: &Request<'_>) -> Result<Action, RpcError> {
    let revision = view.revision;
    let (_, _, method) = METHODS
        .iter()
        .find(|(name, eras, _)| *name == request.method && eras.contains(&revision.era))
        .ok_or_else(|| unknown(revision, &request.method))?;
    let params = &request.params;
    match method {
        Method::Call(exchange::Kind::Tool) if revision.tasks && params.task.is_some() => begin(gateway, view, request),
        Method::Call(kind) => exchange::plan(gateway, view, request, *kind).map(|plan| Action::Call(Box::new(plan))),
        Method::Complete if !gateway.overview().completion => Err(unknown(revision, &request.method)),
        Method::Complete => {
            exchange::plan(gateway, view, request, exchange::Kind::Completion).map(|plan| Action::Call(Box::new(plan)))
        }
        Method::ListTools => lists::tools(gateway, revision, request).map(Action::Answer),
        Method::ListResources => lists::resources(gateway, revision, request).map(Action::Answer),
        Method::ListTemplates => lists::templates(gateway, revision, request).map(Action::Answer),
        Method::ListPrompts => lists::prompts(gateway, revision, request).map(Action::Answer),
        Method::ListSkills => skills::list(gateway, revision, request).map(Action::Answer),
        Method::GetSkill => skills::get(gateway, revision, request).map(Action::Answer),
        Method::ReadDirectory => skills::directory(gateway, revision, request).map(Action::Answer),
        Method::Task(Task::GetCore | Task::CancelCore | Task::Result | Task::List) if !revision.tasks => {
            Err(unknown(revision, &request.method))
        }
        Method::Task(task) => match (view.tasks, task) {
            (_, Task::GetCore) => tasks::get_core(gateway, request).map(Action::Task),
            (_, Task::CancelCore) => tasks::cancel_core(gateway, request).map(Action::Answer),
            (_, Task::Result) => Ok(Action::Await),
            (_, Task::List) => Ok(Action::ListTasks),
            (None, _) => Err(unknown(revision, &request.method)),
            (Some(false), _) => Err(tasks::undeclared()),
            (Some(true), Task::Get) => tasks::get(gateway, request).map(Action::Task),
            (Some(true), Task::Update) => tasks::update(gateway, request).map(Action::Task),
            (Some(true), Task::Cancel) => tasks::cancel(gateway, request).map(Action::Task),
        },
        Method::Ping => Ok(Action::Answer(answer::empty(revision, &request.id))),
        Method::Discover => Ok(Action::Answer(discover(gateway, view, request))),
        Method::Listen => Listen::read(request).map(Action::Listen),
        Method::Subscribe => Ok(Action::Note(Note::Subscribe(text("uri", params.uri)?.into_owned()))),
        Method::Unsubscribe => Ok(Action::Note(Note::Unsubscribe(text("uri", params.uri)?.into_owned()))),
        Method::SetLevel => {
            let name = text("level", params.level)?;
            severity(&name).ok_or_else(|| RpcError::params(format!("`level` is `{name}`, which is no severity")))?;
            Ok(Action::Note(Note::Level(name.into_owned())))
        }
    }
}

/// A call that is to become a task.
fn begin<G: Gateway>(gateway: &G, view: &View, request: &Request<'_>) -> Result<Action, RpcError> {
    let seconds = request.params.task.map_or(Ok(0), tasks::seconds)?;
    tasks::admit(gateway, &request.params)?;
    let planned = exchange::plan(gateway, view, request, exchange::Kind::Tool)?;
    Ok(Action::Begin(Box::new(planned), seconds))
}

pub(crate) use queries::{completion_target, prompt_target, resource_target, tool_target};

fn unknown(revision: &Revision, method: &str) -> RpcError {
    let status = if revision.is_modern() { 404 } else { 200 };
    RpcError::new(METHOD_NOT_FOUND, format!("method not found: `{method}`")).status(status)
}

fn discover<G: Gateway>(gateway: &G, view: &View, request: &Request<'_>) -> String {
    let revision = view.revision;
    let mut writer = answer::begin(revision, &request.id, "complete");
    writer.key("supportedVersions").begin_array();
    for one in Revision::of(Era::Modern) {
        writer.string(one.name);
    }
    writer.end_array();
    capabilities(&mut writer, revision, gateway.overview().completion, view.tasks.is_some());
    writer.maybe("instructions", gateway.setting("instructions").as_deref());
    answer::cache(&mut writer, revision, lists::FRESH);
    answer::end(writer, revision, None)
}

/// The answer to `initialize`, in the revision that was agreed.
pub(crate) fn initialized<G: Gateway>(gateway: &G, revision: &Revision, request: &Request<'_>) -> String {
    let mut writer = answer::begin(revision, &request.id, "complete");
    writer.field("protocolVersion", revision.name);
    capabilities(&mut writer, revision, gateway.overview().completion, false);
    writer.key("serverInfo").raw(answer::SERVER_INFO);
    writer.maybe("instructions", gateway.setting("instructions").as_deref());
    answer::end(writer, revision, None)
}

fn capabilities(writer: &mut Writer, revision: &Revision, completion: bool, tasks: bool) {
    writer.key("capabilities").begin_object();
    writer.key("tools").raw("{\"listChanged\":true}");
    writer.key("resources").raw("{\"subscribe\":true,\"listChanged\":true}");
    writer.key("prompts").raw("{\"listChanged\":true}");
    writer.key("logging").raw("{}");
    if completion && revision.completions {
        writer.key("completions").raw("{}");
    }
    if revision.tasks {
        writer.key("tasks").raw("{\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}");
    }
    if revision.is_modern() {
        writer.key("extensions").begin_object();
        writer.key(skills::EXTENSION).raw("{\"directoryRead\":true}");
        if tasks {
            writer.key(crate::tasks::EXTENSION).raw("{}");
        }
        writer.end_object();
    }
    writer.end_object();
}

/// Reads the parameters of `initialize`: the revision to speak and what the client can answer.
///
/// A version that we do not serve is answered with the newest that has a handshake; the client decides.
///
/// # Errors
/// -32602 when the version or the capabilities are missing.
pub(crate) fn initialize(request: &Request<'_>) -> Result<View, RpcError> {
    let wanted = text("protocolVersion", request.params.protocol_version)?;
    let revision = Revision::named(&wanted).filter(|one| !one.is_modern()).unwrap_or(&NEWEST_LEGACY);
    let Some(capabilities) = request.params.capabilities else {
        return Err(RpcError::params("`capabilities` is missing"));
    };
    crate::json::object("capabilities", capabilities)?;
    Ok(View { revision, features: features(capabilities)?, level: None, tasks: None })
}

/// Reads a `ClientCapabilities` object.
pub(crate) fn features(raw: &RawValue) -> Result<ClientFeatures, RpcError> {
    #[derive(Deserialize)]
    struct Elicitation {
        form: Option<serde::de::IgnoredAny>,
        url: Option<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Sampling {
        tools: Option<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Capabilities {
        elicitation: Option<Elicitation>,
        sampling: Option<Sampling>,
        roots: Option<serde::de::IgnoredAny>,
    }
    let capabilities: Capabilities = serde_json::from_str(raw.get())
        .map_err(|_| RpcError::params("the client's capabilities are not an object of objects"))?;
    let mut features = ClientFeatures::empty();
    if let Some(elicitation) = capabilities.elicitation {
        // An empty object means forms: the first revision with elicitation had nothing else.
        features.set(ClientFeatures::ELICIT_FORM, elicitation.form.is_some() || elicitation.url.is_none());
        features.set(ClientFeatures::ELICIT_URL, elicitation.url.is_some());
    }
    if let Some(sampling) = capabilities.sampling {
        features |= ClientFeatures::SAMPLING;
        features.set(ClientFeatures::SAMPLING_TOOLS, sampling.tools.is_some());
    }
    features.set(ClientFeatures::ROOTS, capabilities.roots.is_some());
    Ok(features)
}
