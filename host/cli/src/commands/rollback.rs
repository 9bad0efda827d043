//! `tidegate rollback`.

use clap::Args;
use serde_json::json;
use tidegate::reference::Version;
use tidegate::{ControlReply, ControlRequest};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Exit, Result};
use crate::node::{Load, Node, unexpected};
use crate::output::{self, Style};
use crate::settings::Settings;

/// `tidegate rollback`.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The component's name.
    name: String,
    /// The lowest version that may serve from now on.
    version: Version,
    /// Why: goes into the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Whose signature counts from now on, if the component changed hands: a signer of the policy.
    #[arg(long, value_name = "NAME")]
    signer: Option<String>,
    #[command(flatten)]
    host: HostArgs,
}

impl Rollback {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        block_on(self.roll_back(settings, json))
    }

    async fn roll_back(self, settings: Settings, json: bool) -> Result<Exit> {
        let node = Node::open(&settings, Load::Nothing).await?;
        let Self { name, version, reason, signer, .. } = self;
        let request = ControlRequest::RollBack { name: name.clone(), version: version.clone(), signer, reason };
        let before = match node.ask(request, |_| {}).await? {
            ControlReply::RolledBack(before) => before,
            other => return Err(unexpected(&other)),
        };
        if json {
            output::json(&json!({ "component": name, "from": before, "to": version }))?;
        } else {
            let floor = before.version;
            output::line(format_args!("{name}: versions from {version} on may serve, it was from {floor} on"));
            let hint = "`tidegate add` brings the version that you want; what serves now goes on until then";
            output::line(Style::stdout().dim(hint));
        }
        Ok(Exit::Done)
    }
}
