//! `tidegate add`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tidegate::{ComponentReport, ControlReply, ControlRequest};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::run::summary::describe;
use crate::failure::{Exit, Result, fail};
use crate::node::{Load, Node, unexpected};
use crate::output::{self, Style};
use crate::settings::Settings;

/// `tidegate add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Component files, each with its signature beside it.
    #[arg(required = true, value_name = "X.wasm")]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Add {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        block_on(self.add(settings, json))
    }

    async fn add(self, settings: Settings, json: bool) -> Result<Exit> {
        let mut exit = Exit::Done;
        let mut added = Vec::new();
        for path in &self.components {
            match add(&settings, path).await {
                Ok((report, running)) => {
                    if !json {
                        print(&report, running);
                    }
                    added.push(report);
                }
                Err(failure) => {
                    failure.print(json);
                    exit = exit.or(failure.exit());
                }
            }
        }
        if json {
            output::json(&json!({ "added": added }))?;
        }
        Ok(exit)
    }
}

/// One component. Each is asked for by itself: one that is refused does not hinder the others.
async fn add(settings: &Settings, path: &Path) -> Result<(ComponentReport, bool)> {
    if path.is_dir() {
        return Err(fail!(
            Usage,
            "`{0}` is a directory: name its files, as in `tidegate add {0}/*.wasm`",
            path.display()
        ));
    }
    // A running host has a working directory of its own.
    let path = std::path::absolute(path)?;
    let node = Node::open(settings, Load::Nothing).await?;
    let running = node.is_running();
    match node.ask(ControlRequest::Add { path }, |_| {}).await? {
        ControlReply::Added(report) => Ok((*report, running)),
        other => Err(unexpected(&other)),
    }
}

fn print(report: &ComponentReport, running: bool) {
    let when = if running { "serves now" } else { "serves when a host starts: no host runs" };
    output::line(format_args!("added {} {}: {when}", report.name, report.version));
    output::line(describe(report, Style::stdout()).trim_start_matches('\n').trim_end());
}
