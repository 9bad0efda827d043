//! `tidegate add`.

use std::path::{Path, PathBuf};

use serde_json::json;
use tidegate::{ComponentReport, ControlReply, ControlRequest};

use crate::failure::{Exit, Result, fail};
use crate::node::{Load, Node, unexpected};
use crate::output::{self, Style};
use crate::run::summary::describe;
use crate::settings::Settings;

/// Adds components. `fetch` makes a file of what was named; the file is there as long as its value.
///
/// # Errors
/// Standard output cannot be written. A component that is refused is told, and counts in the exit code.
pub async fn add<F: AsRef<Path>>(
    components: &[PathBuf],
    settings: &Settings,
    json: bool,
    fetch: impl AsyncFn(&Path) -> Result<F>,
) -> Result<Exit> {
    let mut exit = Exit::Done;
    let mut added = Vec::new();
    for path in components {
        let outcome = async { one(settings, fetch(path).await?.as_ref()).await };
        match outcome.await {
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

/// One component. Each is asked for by itself: one that is refused does not hinder the others.
async fn one(settings: &Settings, path: &Path) -> Result<(ComponentReport, bool)> {
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
