//! Memory of hosts: at rest, with many components, after many calls, with many at a time.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::inside::supply;
use crate::load;
use crate::measure::serving;
use crate::message;
use crate::needs::Needs;
use crate::node::Node;
use crate::server::Server;

/// Components beside the two of every other measurement.
const MANY: usize = 100;
/// Calls before memory is looked at the first time, and until the last.
const CALLS: [u64; 2] = [60_000, 160_000];
/// Calls at a time.
const CONCURRENT: u32 = 1_000;
/// What a host at rest has given back by then.
const REST: Duration = Duration::from_secs(2);

/// One look at a host's memory.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) name: String,
    /// Resident set, bytes.
    pub(crate) resident: u64,
    /// What the figure means, where the name does not say it.
    pub(crate) remark: String,
}

pub(crate) fn measure(needs: &Needs) -> Result<Vec<Memory>> {
    eprintln!("memory");
    let node = Node::prepare(needs)?;
    let mut looks = Vec::new();
    for (name, command) in [("full", node.host("state")), ("edge", node.edge())] {
        let server = serving(&node, command)?;
        sleep(REST);
        looks.push(look(format!("{name}: at rest, two components"), &server, String::new())?);
        looks.extend(growth(name, &server)?);
        looks.push(concurrent(name, &server)?);
    }
    supply::fill(&node, MANY)?;
    drop(serving(&node, node.host("state"))?);
    let server = serving(&node, node.host("state"))?;
    sleep(REST);
    looks.push(look(format!("full: at rest, {MANY} components more, from the cache"), &server, String::new())?);
    Ok(looks)
}

fn look(name: String, server: &Server, remark: String) -> Result<Memory> {
    Ok(Memory { name, resident: server.usage()?.resident, remark })
}

/// What calls leave behind.
fn growth(name: &str, server: &Server) -> Result<[Memory; 2]> {
    let post = message::modern_post(&message::told(100));
    let mut calls = 0;
    let mut after = |least: u64| -> Result<(u64, u64)> {
        while calls < least {
            calls += load::run(server.address, &post, 16, 1)?.requests;
        }
        Ok((calls, server.usage()?.resident))
    };
    let [first, last] = CALLS;
    let (from, before) = after(first)?;
    let (to, resident) = after(last)?;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let slope = (resident as f64 - before as f64) / (to - from).max(1) as f64;
    Ok([
        Memory { name: format!("{name}: after {from} calls"), resident: before, remark: String::new() },
        Memory { name: format!("{name}: after {to} calls"), resident, remark: format!("{slope:+.2} bytes a call") },
    ])
}

/// A thousand connections that each wait for an answer, all the time.
fn concurrent(name: &str, server: &Server) -> Result<Memory> {
    let post = message::modern_post(&message::told(100));
    let load =
        load::run(server.address, &post, CONCURRENT, 3).with_context(|| format!("with {CONCURRENT} at a time"))?;
    let remark = format!("the most since its start; {:.0} calls a second", load.per_second);
    Ok(Memory { name: format!("{name}: {CONCURRENT} calls at a time"), resident: server.peak()?, remark })
}
