//! The table of dependencies in `docs/ARCHITECTURE.md`, and what cargo says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::root;

/// For each crate, the crates of ours that it depends on, or may depend on.
pub type Edges = BTreeMap<String, BTreeSet<String>>;

/// Stands for all crates in the table.
const ALL: &str = "*";

/// Reads the markdown table whose head is `crate | may depend on`.
///
/// # Errors
/// There is no such table, or a crate has two rows.
pub fn read(page: &str) -> Result<Edges> {
    let mut rows = page.lines().map(cells).skip_while(|cells| *cells != ["crate", "may depend on"]).skip(2);
    let mut table = Edges::new();
    for row in rows.by_ref() {
        let [name, may] = row.as_slice() else { break };
        let may = may.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        ensure!(table.insert(name.clone(), may).is_none(), "`{name}` has two rows");
    }
    if table.is_empty() {
        bail!("there is no table with the head `crate | may depend on`");
    }
    Ok(table)
}

/// The cells of a table's row, without backticks; empty for other lines.
fn cells(line: &str) -> Vec<String> {
    let Some(inner) = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|')) else { return Vec::new() };
    inner.split('|').map(|cell| cell.replace('`', "").trim().to_owned()).collect()
}

/// What each crate of the host's workspace depends on, in every profile and kind, tests included.
///
/// # Errors
/// cargo does not run here.
pub fn actual() -> Result<Edges> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .context("cargo does not start")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |value: &Value| value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let edges = list(&metadata, "packages").into_iter().map(|package| {
        let ours = list(&package, "dependencies").into_iter().filter(|dependency| dependency.get("path").is_some());
        (name(&package), ours.map(|dependency| name(&dependency)).collect())
    });
    Ok(edges.collect())
}

/// What breaks the table, one line each.
#[must_use]
pub fn complaints(table: &Edges, actual: &Edges) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, depends) in actual {
        let Some(may) = table.get(name) else {
            complaints.push(format!("`{name}` has no row; add one, and its place in the rooms"));
            continue;
        };
        if may.contains(ALL) {
            continue;
        }
        for other in depends.difference(may) {
            complaints.push(format!("`{name}` depends on `{other}`, which its row does not allow"));
        }
    }
    for (name, may) in table {
        if !actual.contains_key(name) {
            complaints.push(format!("`{name}` has a row and is no crate of the workspace"));
        }
        for other in may.iter().filter(|other| *other != ALL && !actual.contains_key(*other)) {
            complaints.push(format!("the row of `{name}` names `{other}`, which is no crate of the workspace"));
        }
    }
    complaints
}
