//! Figures side by side in one run: the host, `wasmtime serve` with an equivalent component, and bare hyper.
//!
//! ```text
//! options   arguments
//! needs     what must be there: binaries, components, wrk, wasmtime
//! machine   where it was measured
//! node      a folder with key, policy and signed components
//! server    a process that serves: its start, its CPU time, its memory, its end
//! message   what is sent, in both eras of the protocol
//! shape     how large a request is, and how many are on their way
//! load      wrk;  stdio: the same over a pipe;  cold: from start to first answer
//! measure   rounds in alternation;  report: medians and ratios
//! memory    at rest, with many components, after many calls, with many at a time
//! inside    no client and no network: the runtime's own calls, the host's layer by layer, verifying and loading
//! count     instructions of a call
//! registry  a large blob through the registry, beside copying and hashing it
//! gguf      language models in the engine, beside llama.cpp
//! floor     the bare hyper echo, this program started as a server
//! ```
#![allow(missing_docs, reason = "a program")]

mod cold;
mod count;
mod floor;
mod gguf;
mod inside;
mod load;
mod machine;
mod measure;
mod memory;
mod message;
mod needs;
mod node;
mod options;
mod registry;
mod report;
mod server;
mod shape;
mod stdio;

use std::process::ExitCode;

use anyhow::Result;

use crate::options::{Options, Task};

fn main() -> ExitCode {
    // `--inside` is a host, and compiles in a child that is this same program.
    if let Some(code) = tidegate::run_if_compile_child() {
        return code;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match options::read(std::env::args().skip(1))? {
        Task::Help => {
            print!("{}", options::HELP);
            Ok(())
        }
        Task::Floor(address) => floor::serve(address),
        Task::Inside => inside::measure(),
        Task::Instructions => count::measure(),
        Task::Calls(calls) => count::call(&calls.node, &calls.way, calls.times),
        Task::Gguf => gguf::measure(),
        Task::Registry(megabytes) => registry::measure(megabytes),
        Task::Measure(options) => bench(&options),
    }
}

fn bench(options: &Options) -> Result<()> {
    let needs = needs::find()?;
    let machine = machine::line();
    let node = node::Node::prepare(&needs)?;
    let cold = cold::measure(&needs, &node, options)?;
    let rows = measure::rounds(&needs, &node, options)?;
    let memory = if options.memory { memory::measure(&needs)? } else { Vec::new() };
    let report = report::Report::new(machine, options, rows, cold, memory);
    if options.json {
        println!("{}", report.json()?);
    } else {
        print!("{}", report.table());
    }
    Ok(())
}
