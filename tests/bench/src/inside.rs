//! Inside one process, no client and no network: what the runtime's own call costs, what the host adds to it, and what
//! letting components in costs.
//!
//! ```text
//! bare    a component in the runtime, without the host
//! calls   the same kind of call through the host, as an embedding application makes it
//! layers  metrics, audit, verification, policy, each on its own
//! supply  verifying a component, and loading a thousand
//! ```

mod bare;
mod calls;
mod layers;
pub(crate) mod supply;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::machine;
use crate::needs;
use crate::node::Node;

/// What one thing took, all repetitions.
struct Taken {
    name: String,
    each: Vec<Duration>,
    /// Bytes that one repetition moved, where that is the question.
    bytes: Option<u64>,
    target: Option<&'static str>,
}

/// Measures everything and prints one table.
pub(crate) fn measure() -> Result<()> {
    let needs = needs::find()?;
    let machine = machine::line();
    let node = Node::prepare(&needs)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = tidegate::runtime::tune(runtime.enable_all()).build()?;
    let taken = runtime.block_on(async {
        let mut taken = bare::measure().await?;
        taken.extend(calls::measure(&node).await?);
        taken.extend(layers::measure(&node)?);
        taken.extend(supply::measure(&node).await?);
        anyhow::Ok(taken)
    })?;
    println!("{machine}\n");
    println!("{:<58}{:>9}{:>11}{:>11}{:>10}  target", "inside one process", "times", "p50 us", "p99 us", "GB/s");
    for Taken { name, mut each, bytes, target } in taken {
        each.sort_unstable();
        let at = |share: usize| each.get(each.len() * share / 100).or(each.last()).copied().unwrap_or_default();
        let speed = bytes.map_or_else(String::new, |bytes| {
            #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
            let speed = bytes as f64 / at(50).as_secs_f64() / 1e9;
            format!("{speed:.2}")
        });
        let [half, most] = [at(50), at(99)].map(|took| took.as_secs_f64() * 1e6);
        let (times, target) = (each.len(), target.unwrap_or_default());
        println!("{name:<58}{times:>9}{half:>11.1}{most:>11.1}{speed:>10}  {target}");
    }
    Ok(())
}

/// Does something `times` times after a tenth as many that do not count.
async fn repeat<E, F>(times: usize, mut once: impl FnMut() -> F) -> Result<Vec<Duration>, E>
where
    F: Future<Output = Result<(), E>>,
{
    let mut each = Vec::with_capacity(times);
    for round in 0..times + times / 10 {
        let began = Instant::now();
        once().await?;
        let took = began.elapsed();
        if round >= times / 10 {
            each.push(took);
        }
    }
    Ok(each)
}

/// The file of a component among those of the node.
fn component(node: &Node, name: &str) -> Result<Vec<u8>> {
    let path = node.path("components").join(name);
    std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
}
