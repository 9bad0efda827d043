//! From the start of a process to its first answer.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::message::{self, Post};
use crate::needs::Needs;
use crate::node::Node;
use crate::options::Options;
use crate::report::median;
use crate::server::{Server, free_address};

/// One kind of cold start.
#[derive(Debug, Serialize)]
pub(crate) struct Cold {
    pub(crate) name: &'static str,
    /// Median, in milliseconds.
    pub(crate) milliseconds: f64,
    /// Resident set after the first answer, in bytes, median.
    pub(crate) resident: f64,
}

/// The state that is forgotten before every start without a cache.
const FRESH: &str = "state-cold";
/// The state that keeps what was compiled.
const KEPT: &str = "state";

pub(crate) fn measure(needs: &Needs, node: &Node, options: &Options) -> Result<Vec<Cold>> {
    if options.cold == 0 {
        return Ok(Vec::new());
    }
    eprintln!("cold starts");
    let compiled = needs.folder.join("http-echo.cwasm");
    let made = Command::new(&needs.wasmtime).arg("compile").arg("-o").args([&compiled, &needs.http_echo]).status();
    ensure!(made.context("wasmtime does not start")?.success(), "wasmtime does not compile its component");
    let told = message::told(100);
    let call = message::modern_post(&told);
    let echo = Post { path: "/", ..call.clone() };
    // Fills the cache.
    first_answer(node, node.host(KEPT).arg("--listen"), &call)?;
    let mut kinds = [
        ("tidegate, no cache", Vec::new()),
        ("wasmtime serve, compiles", Vec::new()),
        ("tidegate, from its cache", Vec::new()),
        ("edge, signed native code", Vec::new()),
        ("wasmtime serve, precompiled", Vec::new()),
    ];
    for _ in 0..options.cold {
        node.forget(FRESH)?;
        let mut plain = Command::new(&needs.wasmtime);
        plain.args(["serve", "-Scli"]).arg(&needs.http_echo).arg("--addr");
        let mut ready = Command::new(&needs.wasmtime);
        ready.args(["serve", "-Scli", "--allow-precompiled"]).arg(&compiled).arg("--addr");
        let taken = [
            first_answer(node, node.host(FRESH).arg("--listen"), &call)?,
            first_answer(node, &mut plain, &echo)?,
            first_answer(node, node.host(KEPT).arg("--listen"), &call)?,
            first_answer(node, node.edge().arg("--listen"), &call)?,
            first_answer(node, &mut ready, &echo)?,
        ];
        for ((_, all), one) in kinds.iter_mut().zip(taken) {
            all.push(one);
        }
    }
    Ok(kinds
        .into_iter()
        .map(|(name, all)| Cold {
            name,
            milliseconds: median(all.iter().map(|(took, _)| took.as_secs_f64() * 1e3)),
            #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
            resident: median(all.iter().map(|(_, resident)| *resident as f64)),
        })
        .collect())
}

/// Starts a command that ends in the option for its address, and asks once.
fn first_answer(node: &Node, command: &mut Command, post: &Post) -> Result<(Duration, u64)> {
    let address: SocketAddr = free_address()?;
    let began = Instant::now();
    let server = Server::start(command.arg(address.to_string()), address, &node.path("cold.log"))?;
    message::check(address, post, &message::told(100))?;
    let took = began.elapsed();
    Ok((took, server.usage()?.resident))
}
