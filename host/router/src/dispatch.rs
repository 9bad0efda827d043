//! Which component a call goes to, and how it runs there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_audit::{CallEnd, Event as AuditEvent};
use tidegate_bindings::gateway::tidegate::gateway::calls::{Error, Outcome, Request, ResourceTarget, Target};
use tidegate_bindings::types::completion::{Request as CompletionRequest, Subject};
use tidegate_bindings::types::prompts::Request as PromptRequest;
use tidegate_bindings::types::resources::Request as ResourceRequest;
use tidegate_bindings::types::tools::{Output, Request as ToolRequest};
use tidegate_capability::Ctx;
use tidegate_grant::Principal;
use tidegate_supervisor::{Component, Exports, Failure, ForeignError, Permit, RunError, TimeLimit};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::client::Client;
use crate::context::{self, Caller};
use crate::live::Live;
use crate::seen::{Seen, Unseen};
use crate::{Router, outcome, structure, trace};

/// How long an instance may go on after its call was cancelled, to put things in order.
const GRACE: Duration = Duration::from_secs(1);

/// A call whose component is known.
pub(crate) struct Plan {
    component: Arc<Component>,
    work: Work,
    deadline: Instant,
    /// For the audit log.
    target: String,
    /// On whose behalf.
    principal: Principal,
    /// Where it belongs in what the client traces, for the audit log.
    trace: Option<String>,
}

/// What the component is asked to do.
enum Work {
    Tool(ToolRequest),
    Resource(ResourceRequest),
    Prompt(PromptRequest),
    Completion(CompletionRequest),
}

impl Plan {
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn output(&self) -> u64 {
        self.component.limits().output
    }
}

/// Finds the component of a call, if the principal may use it there.
pub(crate) fn plan(router: &Router, principal: &Principal, request: Request) -> Result<Plan, Error> {
    let catalog = router.catalog();
    let seen = Seen::new(&catalog, principal);
    let refused = |target: &str, unseen: Unseen| {
        if let Unseen::Denied { component, scopes } = &unseen {
            router.audit().emit(AuditEvent::Forbidden {
                principal: principal.name().to_owned(),
                tenant: principal.tenant().map(str::to_owned),
                component: component.clone(),
                target: target.to_owned(),
                scopes: scopes.clone(),
            });
        }
        unseen.error(target, principal)
    };
    let Request { target, answers, state, trace, .. } = request;
    let (component, work, target) = match target {
        Target::Tool(tool) => {
            let (place, _) = seen.tool(&tool.name).map_err(|unseen| refused(&tool.name, unseen))?;
            outcome::check_object("arguments", &tool.arguments).map_err(Error::InvalidArguments)?;
            let name = place.name.clone();
            let work = ToolRequest { name, arguments: tool.arguments, answers, state, meta: tool.meta };
            (Arc::clone(&place.component), Work::Tool(work), tool.name)
        }
        Target::Resource(ResourceTarget { uri, meta }) => {
            let component = seen.resource(&uri).map_err(|unseen| refused(&uri, unseen))?;
            let work = ResourceRequest { uri: uri.clone(), answers, state, meta };
            (Arc::clone(component), Work::Resource(work), uri)
        }
        Target::Prompt(prompt) => {
            let place = seen.prompt(&prompt.name).map_err(|unseen| refused(&prompt.name, unseen))?;
            let (name, arguments, meta) = (place.name.clone(), prompt.arguments, prompt.meta);
            let work = PromptRequest { name, arguments, answers, state, meta };
            (Arc::clone(&place.component), Work::Prompt(work), prompt.name)
        }
        Target::Completion(completion) => {
            let (component, subject, target) =
                subject(&seen, &completion.subject).map_err(|(target, unseen)| refused(target, unseen))?;
            let work = CompletionRequest {
                subject,
                argument: completion.argument,
                value: completion.value,
                context: completion.context,
                meta: completion.meta,
            };
            (component, Work::Completion(work), target)
        }
    };
    let deadline = Instant::now() + component.limits().deadline;
    let trace = trace.as_deref().and_then(trace::parent).map(str::to_owned);
    Ok(Plan { component, work, deadline, target, principal: principal.clone(), trace })
}

/// What is completed, in its component's words; as an error, what the client called it.
fn subject<'s>(seen: &Seen<'_>, subject: &'s Subject) -> Result<(Arc<Component>, Subject, String), (&'s str, Unseen)> {
    match subject {
        Subject::Prompt(name) => {
            let place = seen.prompt(name).map_err(|unseen| (name.as_str(), unseen))?;
            Ok((Arc::clone(&place.component), Subject::Prompt(place.name.clone()), name.clone()))
        }
        Subject::Template(template) => {
            let component = seen.template(template).map_err(|unseen| (template.as_str(), unseen))?;
            Ok((Arc::clone(component), Subject::Template(template.clone()), template.clone()))
        }
    }
}

/// Runs a call to its end and writes it to the audit log.
pub(crate) async fn run(router: &Router, live: &Arc<Live>, plan: Plan) -> Result<Outcome, Error> {
    let began = Instant::now();
    let (component, target, principal) = (Arc::clone(&plan.component), plan.target.clone(), plan.principal.clone());
    let trace = plan.trace.clone();
    let end = admit_and_run(router, live, plan).await;
    router.audit().emit(AuditEvent::Called {
        principal: principal.name().to_owned(),
        tenant: principal.tenant().map(str::to_owned),
        component: component.name().to_owned(),
        target,
        trace,
        end: audit_end(&end),
        microseconds: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
    });
    end
}

async fn admit_and_run(router: &Router, live: &Arc<Live>, plan: Plan) -> Result<Outcome, Error> {
    let permit = tokio::select! {
        biased;
        permit = plan.component.admit() => permit.map_err(|busy| Error::Busy(busy.to_string()))?,
        () = live.cancelled() => return Err(Error::Cancelled),
        () = tokio::time::sleep_until(plan.deadline.into()) => return Err(deadline(&plan.component)),
    };
    if plan.component.is_stateful() {
        return run_stateful(router, live, plan, permit).await;
    }
    let _permit = permit;
    let running = run_in(router, live, plan);
    tokio::pin!(running);
    tokio::select! {
        biased;
        end = &mut running => end,
        () = live.cancelled() => {
            let _ = tokio::time::timeout(GRACE, running).await;
            Err(Error::Cancelled)
        }
    }
}

/// A stateful instance finishes its call although nobody waits: to drop the call would drop what the instance keeps.
async fn run_stateful(router: &Router, live: &Arc<Live>, plan: Plan, permit: Permit) -> Result<Outcome, Error> {
    let running = tokio::spawn({
        let (router, live) = (router.clone(), Arc::clone(live));
        async move {
            let _permit = permit;
            run_in(&router, &live, plan).await
        }
    });
    tokio::select! {
        biased;
        end = running => end.unwrap_or_else(|_| Err(Error::Failed("the host failed to run the call".to_owned()))),
        () = live.cancelled() => Err(Error::Cancelled),
    }
}

async fn run_in(router: &Router, live: &Arc<Live>, plan: Plan) -> Result<Outcome, Error> {
    let Plan { component, work, deadline: until, principal, .. } = plan;
    let caller = Caller::new(router, &component, Arc::clone(live));
    let limit = component.limits().output;
    let tool = match &work {
        Work::Tool(request) => Some(request.name.clone()),
        Work::Resource(_) | Work::Prompt(_) | Work::Completion(_) => None,
    };
    let run = component.run(
        TimeLimit::Until(until),
        // What it calls in turn, it calls for the same client: it lends nobody rights of its own.
        // And what it calls belongs to what the client asked for.
        |ctx| ctx.slots.insert(Client::new(principal, u32::MAX)),
        move |store, instance, exports| Box::pin(work_in(store, instance, exports, work, caller, limit)),
    );
    let end = run.await.map_err(|error| failure(&component, error))?;
    let outcome = outcome::check(end?, limit)?;
    match tool {
        Some(tool) => structure::check(&component, &tool, outcome).await,
        None => Ok(outcome),
    }
}

/// Does the work in an instance. The outer error is the runtime's, the inner one the component's.
async fn work_in(
    store: &mut Store<Ctx>,
    instance: &Instance,
    exports: &Exports,
    work: Work,
    caller: Caller,
    limit: u64,
) -> wasmtime::Result<Result<Outcome, Error>> {
    match work {
        Work::Tool(request) if exports.foreign.is_some() => foreign(store, instance, exports, request, limit).await,
        Work::Tool(request) => {
            let Some(indices) = &exports.tools else { return Ok(missing("tools")) };
            let tools = indices.load(&mut *store, instance)?;
            let (handle, context) = context::lend(store, caller)?;
            let end = tools.tidegate_tool_tools().call_call_tool(&mut *store, &request, context).await?;
            context::give_back(store, handle)?;
            Ok(outcome::tool(end))
        }
        Work::Resource(request) => {
            let Some(indices) = &exports.resources else { return Ok(missing("resources")) };
            let resources = indices.load(&mut *store, instance)?;
            let (handle, context) = context::lend(store, caller)?;
            let end = resources.tidegate_tool_resources().call_read_resource(&mut *store, &request, context).await?;
            context::give_back(store, handle)?;
            Ok(outcome::resource(end))
        }
        Work::Prompt(request) => {
            let Some(indices) = &exports.prompts else { return Ok(missing("prompts")) };
            let prompts = indices.load(&mut *store, instance)?;
            let (handle, context) = context::lend(store, caller)?;
            let end = prompts.tidegate_tool_prompts().call_get_prompt(&mut *store, &request, context).await?;
            context::give_back(store, handle)?;
            Ok(outcome::prompt(end))
        }
        Work::Completion(request) => {
            let Some(indices) = &exports.completion else { return Ok(missing("completion")) };
            let completion = indices.load(&mut *store, instance)?;
            let end = completion.tidegate_tool_completion().call_complete(&mut *store, &request).await?;
            Ok(outcome::completion(end))
        }
    }
}

async fn foreign(
    store: &mut Store<Ctx>,
    instance: &Instance,
    exports: &Exports,
    request: ToolRequest,
    limit: u64,
) -> wasmtime::Result<Result<Outcome, Error>> {
    let functions = exports.foreign.iter().flat_map(|foreign| &foreign.functions);
    let Some(function) = functions.into_iter().find(|function| function.name == request.name) else {
        return Ok(Err(Error::NotFound(request.name)));
    };
    let arguments = match function.arguments(&request.arguments) {
        Ok(arguments) => arguments,
        Err(error) => return Ok(Err(Error::InvalidArguments(error.to_string()))),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match function.call_async(&mut *store, instance, arguments, limit).await {
        Ok(answer) => Ok(Ok(Outcome::Tool(Output {
            content: vec![outcome::text(answer.text)],
            structured: answer.structured,
            is_error: answer.is_error,
            meta: None,
        }))),
        Err(ForeignError::Trap(error)) => Err(error),
        Err(error) => Ok(Err(Error::Failed(error.to_string()))),
    }
}

fn missing(interface: &str) -> Result<Outcome, Error> {
    Err(Error::Failed(format!("the component exports no `tidegate:tool/{interface}`")))
}

fn deadline(component: &Component) -> Error {
    Error::Deadline(u64::try_from(component.limits().deadline.as_millis()).unwrap_or(u64::MAX))
}

/// What went wrong with an instance, for the caller.
fn failure(component: &Component, error: RunError) -> Error {
    match error {
        RunError::Failed(Failure::Deadline) => deadline(component),
        RunError::Failed(Failure::PoolExhausted(text)) => Error::Busy(format!("no free slot: {text}")),
        RunError::Restarting(_) => Error::Busy(format!("`{}`: {error}", component.name())),
        RunError::Failed(_) | RunError::Prepare(_) => Error::Failed(format!("`{}` failed: {error}", component.name())),
    }
}

fn audit_end(end: &Result<Outcome, Error>) -> CallEnd {
    match end {
        Ok(Outcome::InputRequired(_)) => CallEnd::InputRequired,
        Ok(Outcome::Tool(output)) if output.is_error => CallEnd::ToolError,
        Ok(_) => CallEnd::Done,
        Err(Error::NotFound(_) | Error::InvalidArguments(_)) => CallEnd::Invalid,
        Err(Error::Denied(_) | Error::Forbidden(_) | Error::Busy(_)) => CallEnd::Refused,
        Err(Error::Deadline(_)) => CallEnd::Deadline,
        Err(Error::Cancelled) => CallEnd::Cancelled,
        Err(Error::Failed(_)) => CallEnd::Failed,
    }
}
