//! The node that a command acts on: the host that runs with the state directory, or one of our own that ends with us.

use std::path::PathBuf;

use tidegate::{ControlClient, ControlFault, ControlReply, ControlRequest, Host, RefusedReport, ToolReport};

use crate::failure::{Blame as _, Exit, Failure, Result, fail};
use crate::output::Style;
use crate::settings::Settings;

/// Where a command is carried out. Both answer the same requests with the same replies.
pub enum Node {
    /// A host runs with the state directory.
    Running(Box<ControlClient>),
    /// None does.
    Own {
        /// Ours.
        host: Box<Host>,
        /// What was found and not let in.
        refused: Vec<RefusedReport>,
    },
}

/// What a host of our own must have loaded.
pub enum Load<'a> {
    /// Nothing: installed components are handled as files.
    Nothing,
    /// What is installed, and these files and directories.
    Everything(&'a [PathBuf]),
}

impl Node {
    /// Connects to the running host, or starts one of our own.
    ///
    /// # Errors
    /// Our own host cannot be built, or a path in `load` is not there.
    pub async fn open(settings: &Settings, load: Load<'_>) -> Result<Self> {
        if let Some(client) = ControlClient::connect(&settings.config.state.value).await {
            if matches!(load, Load::Everything([_, ..])) {
                let note = Style::stderr().warn("warning:");
                eprintln!(
                    "{note} a host runs with this state directory, so its components count and not `--components`"
                );
            }
            return Ok(Self::Running(Box::new(client)));
        }
        let policy = settings.policy()?;
        policy.print_warnings();
        let host = settings.host(policy).await?;
        let mut refused = Vec::new();
        if let Load::Everything(paths) = load {
            refused.extend(host.load_installed().await?.refused);
            for path in paths {
                refused.extend(host.load(path).await.blame(Exit::NotFound)?.refused);
            }
        }
        Ok(Self::Own { host: Box::new(host), refused })
    }

    /// Whether a host runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// The tools that there are.
    ///
    /// # Errors
    /// The running host does not answer.
    pub async fn tools(&self, settings: &Settings) -> Result<Vec<ToolReport>> {
        match self {
            Self::Own { host, .. } => Ok(host.tools()),
            // A connection carries one command.
            Self::Running(_) => {
                let client = ControlClient::connect(&settings.config.state.value).await;
                let client = client.ok_or_else(|| fail!(Host, "the running host has just ended"))?;
                match Self::Running(Box::new(client)).ask(ControlRequest::List, |_| {}).await? {
                    ControlReply::Listing(listing) => {
                        Ok(listing.components.into_iter().flat_map(|component| component.tools).collect())
                    }
                    other => Err(unexpected(&other)),
                }
            }
        }
    }

    /// Carries out a command. `on_event`: progress and messages on the way. Gives the last reply, if it is no failure.
    ///
    /// # Errors
    /// What the node answers, or that it does not.
    pub async fn ask(self, request: ControlRequest, on_event: impl Fn(&ControlReply)) -> Result<ControlReply> {
        let last = match self {
            Self::Running(client) => ask_running(*client, &request, &on_event).await?,
            Self::Own { host, refused } => match request {
                ControlRequest::List => ControlReply::Listing(Box::new(host.listing(refused))),
                ControlRequest::Call { tool, arguments } => {
                    let mut call = host.call_tool(&tool, &arguments.to_string());
                    let mut last = None;
                    while let Some(event) = call.next().await {
                        last = Some(ControlReply::from(event)).inspect(&on_event);
                    }
                    last.ok_or_else(|| fail!(Host, "the call ended without a result"))?
                }
                other => host.carry_out(other).await,
            },
        };
        match last {
            ControlReply::Failed { fault, message } => Err(Failure::new(exit(fault), anyhow::anyhow!(message))),
            last => Ok(last),
        }
    }
}

async fn ask_running(
    mut client: ControlClient,
    request: &ControlRequest,
    on_event: &impl Fn(&ControlReply),
) -> Result<ControlReply> {
    client.send(request).await?;
    while let Some(reply) = client.next().await? {
        match reply {
            ControlReply::Progress { .. } | ControlReply::Message { .. } => on_event(&reply),
            last => return Ok(last),
        }
    }
    Err(fail!(Host, "the running host ended before it answered"))
}

/// The exit code for a fault.
fn exit(fault: ControlFault) -> Exit {
    match fault {
        ControlFault::Usage => Exit::Usage,
        ControlFault::NotFound => Exit::NotFound,
        ControlFault::Refused => Exit::Refused,
        ControlFault::Component => Exit::Component,
        ControlFault::Host => Exit::Host,
    }
}

/// A reply of another kind than the command has.
#[must_use]
pub fn unexpected(reply: &ControlReply) -> Failure {
    let text = format!("{reply:?}");
    let start: String = text.chars().take(60).collect();
    fail!(Host, "the running host answered something else than was asked (`{start}`): it has another version")
}
