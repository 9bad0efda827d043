//! Calls on a byte stream that become tasks unless they end soon.

use crate::bindings::tidegate::gateway::calls::Event;
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::errors::RpcError;
use crate::gateway::{Call, Gateway};
use crate::json::{Request, string};
use crate::session::View;
use crate::tasks::{self, Ended};

/// A call that becomes a task unless it ends before.
#[derive(Clone, Copy)]
pub(super) struct Due {
    /// Milliseconds since 1970.
    pub(super) at: u64,
    support: TaskSupport,
}

/// What becomes of a call that may be a task.
pub(super) enum Becoming {
    /// That is not known yet.
    Later,
    /// It is a call like others.
    Call,
    /// It ended in time, or asks: a call like others.
    Ended(Box<Ended>),
    /// A task; it may have ended already.
    Task(Option<Ended>),
}

impl Due {
    /// Whether and when a call becomes a task.
    ///
    /// # Errors
    /// -32021 for a tool that always makes a task, and a client that knows none.
    pub(super) fn of<G: Gateway>(gateway: &G, view: &View, request: &Request<'_>) -> Result<Option<Self>, RpcError> {
        if !view.revision.is_modern() || request.method != "tools/call" {
            return Ok(None);
        }
        let tool = request.params.name.and_then(string).and_then(|name| gateway.tool(&name));
        let support = tool.map_or(TaskSupport::Forbidden, |tool| tool.definition.task);
        match (support, view.tasks == Some(true)) {
            (TaskSupport::Required, false) => Err(tasks::undeclared()),
            (TaskSupport::Forbidden, _) | (_, false) => Ok(None),
            (support, true) => {
                let quick = u64::try_from(tasks::QUICK.as_millis()).unwrap_or(u64::MAX);
                Ok(Some(Self { at: gateway.now().saturating_add(quick), support }))
            }
        }
    }

    /// Looks at the call. Reports on the way have no place to go, as over HTTP.
    pub(super) fn look<G: Gateway>(self, gateway: &G, call: &G::Call) -> Becoming {
        while let Some(event) = call.next() {
            let Event::Done(ended) = event else { continue };
            if self.support == TaskSupport::Required && tasks::becomes_a_task(&ended) {
                return Becoming::Task(Some(ended));
            }
            return Becoming::Ended(Box::new(ended));
        }
        if gateway.now() < self.at { Becoming::Later } else { Becoming::Task(None) }
    }
}
