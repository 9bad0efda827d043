//! Calls as an embedding application makes them: through the router, on a fresh instance of the tool each time.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use tidegate::types::tools::Content;
use tidegate::{FileSink, Host, Sink};

use super::{Taken, repeat};
use crate::node::Node;

pub(super) async fn measure(node: &Node) -> Result<Vec<Taken>> {
    let file = FileSink::open(&node.path("inside.jsonl"))?;
    let plain = host(node, "inside-plain", None).await?;
    let audited = host(node, "inside-audited", Some(Arc::new(file))).await?;
    let mut taken = Vec::new();
    for (name, host, size, times, target) in [
        ("tool call through the host, 100 bytes", &plain, 100, 20_000, Some("< 15 us")),
        ("the same with the audit log on disk", &audited, 100, 20_000, None),
        ("tool call through the host, 10 KB there and back", &plain, 10_000, 5_000, None),
        ("tool call through the host, 1 MB there and back", &plain, 1_000_000, 200, None),
    ] {
        let message = "x".repeat(size);
        let arguments = format!("{{\"message\":\"{message}\"}}");
        let each = repeat(times, || async {
            let output = host.call_tool("echo", &arguments).finish().await?;
            match output.content.first() {
                Some(Content::Text(text)) => ensure!(text.text.len() == size, "not what was said"),
                other => bail!("no text: {other:?}"),
            }
            Ok(())
        });
        let bytes = (size > 100).then_some(2 * size as u64);
        taken.push(Taken { name: name.to_owned(), each: each.await?, bytes, target });
    }
    Ok(taken)
}

/// A host with the tool only.
async fn host(node: &Node, state: &str, sink: Option<Arc<dyn Sink>>) -> Result<Host> {
    // An embedding application has the key in the text.
    let key = format!("public-key = \"\"\"\n{}\"\"\"", std::fs::read_to_string(node.path("bench.pub"))?);
    let policy = std::fs::read_to_string(node.path("policy.toml"))?;
    let policy = tidegate::parse_policy("policy.toml", &policy.replace("public-key-file = \"bench.pub\"", &key))?;
    let builder = Host::builder(node.path(state)).policy(policy);
    let host = match sink {
        Some(sink) => builder.audit(sink),
        None => builder,
    };
    let host = host.build().await?;
    let loaded = host.load(&node.path("components/echo.wasm")).await?;
    let refused = loaded.refused.first().map(|refused| refused.reason.clone());
    ensure!(refused.is_none(), "{}", refused.context("no reason")?);
    Ok(host)
}
