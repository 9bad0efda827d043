//! Rows of the protocol that the official conformance suite does not look at, each by the name that it has in
//! `docs/mcp-rows.md`: through an official client where that can send it, else as raw bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "rows/http.rs"]
mod http;
#[path = "rows/official.rs"]
mod official;
#[path = "rows/stdio.rs"]
mod stdio;
#[path = "rows/unix.rs"]
mod unix;

use tidegate_e2e::{Node, grant};

/// A node with what the rows need.
fn node() -> Node {
    let node = Node::with_fixtures(&["content", "echo", "events", "provider"], "").unwrap();
    let protocol = "gateway = true\nconfig = { instructions = \"Ask for \\\"tides\\\".\", page-size = \"7\" }";
    let events = grant("events", "limits = { deadline = \"2s\" }");
    node.write_policy(&format!("{}{events}", grant("protocol-mcp", protocol))).unwrap();
    node
}

/// A row's name and what it asks.
type Row<S> = (&'static str, fn(&mut S));

/// Runs every row and tells of all that fail.
fn all<S>(way: &str, subject: &mut S, rows: &[Row<S>]) {
    let mut failed = Vec::new();
    for (name, row) in rows {
        eprintln!("{way}: {name}");
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| row(subject))).is_err() {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "{way}: {failed:?}");
}
