//! `tidegate remove`.

use serde_json::json;
use tidegate::{ControlReply, ControlRequest};

use crate::failure::{Exit, Result};
use crate::node::{Load, Node, unexpected};
use crate::output;
use crate::settings::Settings;

/// Takes components out, by their names.
///
/// # Errors
/// Standard output cannot be written. A component that stays is told, and counts in the exit code.
pub async fn remove(names: &[String], settings: &Settings, json: bool) -> Result<Exit> {
    let mut exit = Exit::Done;
    let mut removed = Vec::new();
    for name in names {
        match one(settings, name).await {
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

async fn one(settings: &Settings, name: &str) -> Result<()> {
    let node = Node::open(settings, Load::Nothing).await?;
    match node.ask(ControlRequest::Remove { name: name.to_owned() }, |_| {}).await? {
        ControlReply::Removed => Ok(()),
        other => Err(unexpected(&other)),
    }
}
