//! Arguments.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shape::SIZES;

pub(crate) const HELP: &str = "\
cargo x bench [--rounds N] [--seconds N] [--cold N] [--only TEXT] [--bytes N] [--json]

Measures tools/call of the host (both eras over HTTP, and stdio) and of the edge profile, `wasmtime serve` of an equivalent
component, and a bare hyper echo, in alternation, and prints medians and ratios within the run; then memory.

  --rounds N    rounds in which everything has its turn (default 5)
  --seconds N   length of each load (default 2)
  --cold N      cold starts of each kind (default 5; 0: none)
  --only TEXT   only subjects whose name contains TEXT
  --bytes N     only what the tool is told and says N bytes: 100, 10000 or 1000000
  --no-memory   without the part about memory
  --json        JSON instead of a table
  --inside      instead: calls inside one process, layer by layer, verifying, and loading a thousand components
  --instructions  instead: instructions of one call, counted by valgrind: no neighbour changes them
  --gguf        instead: language models in the sandbox, beside llama.cpp with one thread; after `cargo x models`
  --registry N  instead: a blob of N MiB through the registry, beside copying and hashing the file

Needs wrk (`apt-get install wrk`) and python3 with venv, from which it installs the wasmtime binary below target/.
";

/// What this program was started for.
#[derive(Debug)]
pub(crate) enum Task {
    Help,
    Measure(Options),
    /// Calls inside one process.
    Inside,
    /// Instructions of a call.
    Instructions,
    /// Make calls inside this process, for who counts its instructions.
    Calls(Calls),
    /// Language models beside llama.cpp.
    Gguf,
    /// A blob of so many MiB.
    Registry(u32),
    /// Be the bare hyper echo.
    Floor(SocketAddr),
}

/// Calls to make inside this process.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) times: u32,
    /// How.
    pub(crate) way: String,
    /// The folder of a node.
    pub(crate) node: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    /// Of each load.
    pub(crate) seconds: u32,
    pub(crate) cold: u32,
    pub(crate) only: Option<String>,
    pub(crate) bytes: Option<usize>,
    pub(crate) memory: bool,
    pub(crate) json: bool,
}

pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Task> {
    let mut options = Options { rounds: 5, seconds: 2, cold: 5, only: None, bytes: None, memory: true, json: false };
    let mut calls: Option<Calls> = None;
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--rounds" => options.rounds = number(&value()?, 1, 100)?,
            "--seconds" => options.seconds = number(&value()?, 1, 60)?,
            "--cold" => options.cold = number(&value()?, 0, 100)?,
            "--only" => options.only = Some(value()?),
            "--bytes" => options.bytes = Some(size(&value()?)?),
            "--no-memory" => options.memory = false,
            "--json" => options.json = true,
            "--instructions" => return Ok(Task::Instructions),
            "--calls" => calls.get_or_insert_default().times = number(&value()?, 0, 1_000_000)?,
            "--way" => calls.get_or_insert_default().way = value()?,
            "--node" => calls.get_or_insert_default().node = value()?.into(),
            "--inside" => return Ok(Task::Inside),
            "--gguf" => return Ok(Task::Gguf),
            "--registry" => return Ok(Task::Registry(number(&value()?, 1, 16_384)?)),
            "--floor" => return Ok(Task::Floor(value()?.parse().context("`--floor` takes an address")?)),
            "-h" | "--help" => return Ok(Task::Help),
            other => bail!("`{other}` is unknown; see `cargo x bench -- --help`"),
        }
    }
    Ok(calls.map_or(Task::Measure(options), Task::Calls))
}

fn size(text: &str) -> Result<usize> {
    let known = SIZES.into_iter().find(|size| size.to_string() == text);
    known.with_context(|| format!("`{text}` is none of {SIZES:?}"))
}

/// A bounded number: a load that runs for ever helps nobody.
fn number(text: &str, least: u32, most: u32) -> Result<u32> {
    let number = text.parse().with_context(|| format!("`{text}` is no number"))?;
    if !(least..=most).contains(&number) {
        bail!("`{number}` is not from {least} to {most}");
    }
    Ok(number)
}
