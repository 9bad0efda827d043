//! `tidegate remove`.

use clap::Args;
use serde_json::json;
use tidegate::{ControlReply, ControlRequest};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Exit, Result};
use crate::node::{Load, Node, unexpected};
use crate::output;
use crate::settings::Settings;

/// `tidegate remove`.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Names of components, as `tidegate list` shows them.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
}

impl Remove {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        block_on(self.remove(settings, json))
    }

    async fn remove(self, settings: Settings, json: bool) -> Result<Exit> {
        let mut exit = Exit::Done;
        let mut removed = Vec::new();
        for name in self.names {
            match remove(&settings, &name).await {
                Ok(()) => {
                    if !json {
                        output::line(format_args!("removed {name}; calls that run may finish"));
                    }
                    removed.push(name);
                }
                Err(failure) => {
                    failure.print(json);
                    exit = exit.or(failure.exit());
                }
            }
        }
        if json {
            output::json(&json!({ "removed": removed }))?;
        }
        Ok(exit)
    }
}

async fn remove(settings: &Settings, name: &str) -> Result<()> {
    let node = Node::open(settings, Load::Nothing).await?;
    match node.ask(ControlRequest::Remove { name: name.to_owned() }, |_| {}).await? {
        ControlReply::Removed => Ok(()),
        other => Err(unexpected(&other)),
    }
}
