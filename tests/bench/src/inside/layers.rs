//! What each layer around a call costs, on its own: as much as switching it off would give.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use tidegate::attestation::verify;
use tidegate::bundle::Bundle;
use tidegate::{AuditEvent, FileSink, Record, Sink};
use tidegate_metrics::Metrics;

use super::{Taken, component};
use crate::node::Node;

/// Repetitions within one measurement: a clock is too coarse for one.
const BATCH: u32 = 1_000;

pub(super) fn measure(node: &Node) -> Result<Vec<Taken>> {
    let metrics = Metrics::new("bench");
    let file = FileSink::open(&node.path("layers.jsonl"))?;
    let record = called();
    let mut taken = vec![
        batches("layer: metrics of one call", || metrics.write(&record)),
        batches("layer: the audit record of one call, written to a file", || file.write(&record)),
    ];

    let text = std::fs::read_to_string(node.path("policy.toml"))?;
    let key = format!("public-key = \"\"\"\n{}\"\"\"", std::fs::read_to_string(node.path("bench.pub"))?);
    let policy = tidegate::parse_policy("policy.toml", &text.replace("public-key-file = \"bench.pub\"", &key))?;
    let trust = tidegate::trust_root(&policy)?;
    let bytes: Arc<[u8]> = component(node, "echo.wasm")?.into();
    let signature = std::fs::read(node.path("components/echo.wasm.sigstore.json"))?;
    let mut each = Vec::new();
    for _ in 0..1_000 {
        let (bytes, signatures) = (bytes.to_vec(), vec![signature.clone()]);
        let began = Instant::now();
        let verified = verify(Bundle::new(bytes, signatures)?, &trust)?;
        each.push(began.elapsed());
        verified.bundle().manifest().context("no manifest")?;
    }
    let name = format!("layer: verification at load, {} KB", bytes.len() / 1_000);
    taken.push(Taken { name, each, bytes: None, target: None });
    let mut each = Vec::new();
    for _ in 0..1_000 {
        let began = Instant::now();
        let policy = tidegate::parse_policy("policy.toml", &text)?;
        each.push(began.elapsed());
        drop(policy);
    }
    taken.push(Taken { name: "layer: the policy, read at start".to_owned(), each, bytes: None, target: None });
    Ok(taken)
}

/// The time of one, from batches.
fn batches(name: &str, mut once: impl FnMut()) -> Taken {
    let each = (0..100).map(|_| {
        let began = Instant::now();
        for _ in 0..BATCH {
            once();
        }
        began.elapsed() / BATCH
    });
    let each: Vec<Duration> = each.collect();
    Taken { name: name.to_owned(), each, bytes: None, target: None }
}

/// The record of a call like those that are measured.
fn called() -> Record {
    Record {
        at: SystemTime::now(),
        event: AuditEvent::Called {
            principal: "anonymous".to_owned(),
            tenant: None,
            component: "echo".to_owned(),
            target: "echo".to_owned(),
            trace: None,
            end: tidegate::CallEnd::Done,
            microseconds: 42,
        },
    }
}
