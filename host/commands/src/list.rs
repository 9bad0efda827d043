//! `tidegate list`.

use std::path::PathBuf;

use serde_json::json;
use tidegate::{ComponentReport, ControlReply, ControlRequest, Listing};

use crate::failure::{Exit, Result};
use crate::node::{Load, Node, unexpected};
use crate::output::{self, Style, printable};
use crate::run::summary::development;
use crate::settings::Settings;

/// Lists components. `components`: where no host runs, also these files and directories.
///
/// # Errors
/// The node cannot be asked, or standard output cannot be written.
pub async fn show(components: &[PathBuf], settings: &Settings, json: bool) -> Result<Exit> {
    let node = Node::open(settings, Load::Everything(components)).await?;
    let running = node.is_running();
    let listing = list(node).await?;
    if json {
        output::json(&json!({
            "running": running,
            "development": listing.development,
            "components": listing.components,
            "refused": listing.refused,
        }))?;
    } else {
        print(&listing, running);
    }
    Ok(Exit::Done)
}

/// Everything that serves.
///
/// # Errors
/// The node cannot be asked.
pub async fn list(node: Node) -> Result<Listing> {
    match node.ask(ControlRequest::List, |_| {}).await? {
        ControlReply::Listing(listing) => Ok(*listing),
        other => Err(unexpected(&other)),
    }
}

fn print(listing: &Listing, running: bool) {
    let style = Style::stdout();
    if listing.development {
        output::line(development(style).trim_end());
    }
    if !running {
        output::line(style.dim("no host runs with this state directory; these would be loaded:"));
    }
    if listing.components.is_empty() {
        output::line("no components: add one with `tidegate add X.wasm`");
    } else {
        let head = ["NAME", "VERSION", "KIND", "SIGNER", "TOOLS", "CALLS", "MAY"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(listing.components.iter().map(row)).collect();
        let widths: Vec<usize> = (0..7)
            .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        for row in rows {
            let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            output::line(cells.join("  ").trim_end());
        }
    }
    for refused in &listing.refused {
        let reason = refused.reason.replace('\n', "\n  ");
        output::line(format_args!("{} {}\n  {reason}", style.bad("refused"), printable(&refused.what)));
    }
}

fn row(component: &ComponentReport) -> [String; 7] {
    let signer = match component.signer.proof() {
        Some(_) => component.signer.name.clone(),
        None => format!("{} (unsigned)", component.signer.name),
    };
    let may: Vec<_> = component.may.iter().map(|may| printable(&may.what)).collect();
    [
        component.name.clone(),
        component.version.clone(),
        component.kind.clone(),
        signer,
        component.tools.len().to_string(),
        component.calls.to_string(),
        if may.is_empty() { "compute".to_owned() } else { may.join("; ") },
    ]
}
