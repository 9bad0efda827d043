//! `subscriptions/listen`, and changes of the catalog as notifications.

use serde::Deserialize;

use crate::answer;
use crate::bindings::tidegate::types::event::Change;
use crate::errors::RpcError;
use crate::json::{Id, Request, Writer};
use crate::revision::NEWEST;
use crate::session::Session;
use crate::tasks::MOST_WATCHED as MOST_TASKS;

const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// A client that wants more watches the list instead.
const MOST_RESOURCES: usize = 1_024;

/// A running subscription.
pub(crate) struct Listen {
    /// The request's id, which is the subscription's.
    pub(crate) id: Id,
    filter: Filter,
}

#[derive(Deserialize)]
struct Filter {
    #[serde(rename = "toolsListChanged", default)]
    tools: bool,
    #[serde(rename = "promptsListChanged", default)]
    prompts: bool,
    #[serde(rename = "resourcesListChanged", default)]
    resources: bool,
    #[serde(rename = "resourceSubscriptions", default)]
    uris: Vec<String>,
    #[serde(rename = "taskIds", default)]
    tasks: Vec<String>,
}

impl Listen {
    /// Reads the filter.
    pub(crate) fn read(request: &Request<'_>) -> Result<Self, RpcError> {
        let raw = request.params.notifications.ok_or_else(|| RpcError::params("`notifications` is missing"))?;
        crate::json::object("notifications", raw)?;
        let filter: Filter = serde_json::from_str(raw.get())
            .map_err(|error| RpcError::params(format!("`notifications` does not fit: {error}")))?;
        if filter.tasks.len() > MOST_TASKS {
            return Err(RpcError::params(format!("`taskIds` has more than {MOST_TASKS} tasks")));
        }
        if filter.uris.len() > MOST_RESOURCES {
            return Err(RpcError::params(format!("`resourceSubscriptions` has more than {MOST_RESOURCES} addresses")));
        }
        Ok(Self { id: request.id.clone(), filter })
    }

    /// The tasks that it asks for.
    pub(crate) fn tasks(&self) -> &[String] {
        &self.filter.tasks
    }

    /// The first message: what will be told; `tasks` are those that there are.
    pub(crate) fn acknowledgement<'t>(&self, tasks: impl Iterator<Item = &'t str>) -> String {
        answer::notification("notifications/subscriptions/acknowledged", |writer| {
            writer.key("notifications").begin_object();
            let lists = [
                ("toolsListChanged", self.filter.tools),
                ("promptsListChanged", self.filter.prompts),
                ("resourcesListChanged", self.filter.resources),
            ];
            for (name, _) in lists.iter().filter(|(_, wanted)| *wanted) {
                writer.key(name).boolean(true);
            }
            if !self.filter.uris.is_empty() {
                writer.key("resourceSubscriptions").begin_array();
                for uri in &self.filter.uris {
                    writer.string(uri);
                }
                writer.end_array();
            }
            let mut tasks = tasks.peekable();
            if tasks.peek().is_some() {
                writer.key("taskIds").begin_array();
                for id in tasks {
                    writer.string(id);
                }
                writer.end_array();
            }
            writer.end_object();
            self.tag(writer);
        })
    }

    /// A change as this subscription's notification, if it wants it.
    pub(crate) fn notification(&self, change: &Change) -> Option<String> {
        let wanted = match change {
            Change::Tools => self.filter.tools,
            Change::Prompts => self.filter.prompts,
            Change::Resources => self.filter.resources,
            Change::Resource(uri) => self.filter.uris.contains(uri),
        };
        wanted.then(|| notification(change, |writer| self.tag(writer)))
    }

    /// The answer to the request, when the server ends the subscription.
    pub(crate) fn end(&self) -> String {
        let mut writer = answer::begin(&NEWEST, &self.id, "complete");
        writer.key("_meta").begin_object().key(SUBSCRIPTION_ID).raw(self.id.json());
        writer.key("io.modelcontextprotocol/serverInfo").raw(answer::SERVER_INFO).end_object();
        writer.end_object().end_object();
        writer.finish()
    }

    /// Says to which subscription a notification belongs.
    pub(crate) fn tag(&self, writer: &mut Writer) {
        writer.key("_meta").begin_object().key(SUBSCRIPTION_ID).raw(self.id.json()).end_object();
    }
}

/// A change as a legacy notification, if the session wants it.
pub(crate) fn legacy(session: &Session, change: &Change) -> Option<String> {
    let wanted = match change {
        Change::Tools | Change::Prompts | Change::Resources => true,
        Change::Resource(uri) => session.resources.contains(uri),
    };
    wanted.then(|| notification(change, |_| {}))
}

fn notification(change: &Change, members: impl FnOnce(&mut Writer)) -> String {
    let method = match change {
        Change::Tools => "notifications/tools/list_changed",
        Change::Prompts => "notifications/prompts/list_changed",
        Change::Resources => "notifications/resources/list_changed",
        Change::Resource(_) => "notifications/resources/updated",
    };
    answer::notification(method, |writer| {
        if let Change::Resource(uri) = change {
            writer.field("uri", uri);
        }
        members(writer);
    })
}
