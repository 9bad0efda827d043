//! `tidegate add`.

pub(crate) mod remote;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tidegate::reference::ComponentName;
use tidegate::{ComponentReport, ControlReply, ControlRequest};

use self::remote::Wanted;
use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::run::summary::describe;
use crate::failure::{Exit, Result, fail};
use crate::node::{Load, Node, unexpected};
use crate::output::{self, Style};
use crate::remote::{RemoteArgs, is_reference};
use crate::settings::Settings;

/// `tidegate add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Component files, each with its signature beside it; or what a registry has, `oci://HOST/NAME:VERSION`.
    #[arg(required = true, value_name = "X.wasm|oci://HOST/NAME:VERSION")]
    components: Vec<PathBuf>,
    /// Take components, named as `NAME:VERSION`, from this mirror: a folder, or where a web server has it.
    #[arg(long, value_name = "DIR|https://...")]
    mirror: Option<String>,
    /// The component's name, if its repository is called otherwise.
    #[arg(long, value_name = "NAME")]
    name: Option<ComponentName>,
    #[command(flatten)]
    remote: RemoteArgs,
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
            match self.one(&settings, path).await {
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

    /// A file, or what is fetched and is a file then.
    async fn one(&self, settings: &Settings, path: &Path) -> Result<(ComponentReport, bool)> {
        if self.mirror.is_none() && !is_reference(path) {
            return add(settings, path).await;
        }
        let what = path.to_str().unwrap_or_default();
        let wanted = Wanted { what, mirror: self.mirror.as_deref(), name: self.name.clone() };
        let fetched = remote::fetch(settings, &self.remote, wanted).await?;
        add(settings, &fetched.path).await
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
