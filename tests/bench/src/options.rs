//! Arguments.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};

pub(crate) const HELP: &str = "\
cargo x bench [--rounds N] [--seconds N] [--cold N] [--only TEXT] [--json]

Measures tools/call of the host (both eras over HTTP, and stdio), `wasmtime serve` of an equivalent component, and a bare
hyper echo, in alternation, and prints medians and ratios within the run.

  --rounds N    rounds in which everything has its turn (default 5)
  --seconds N   length of each load (default 2)
  --cold N      cold starts of each kind (default 5; 0: none)
  --only TEXT   only subjects whose name contains TEXT
  --json        JSON instead of a table
  --inside      instead: calls inside one process, verifying, and loading a thousand components
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
    /// Language models beside llama.cpp.
    Gguf,
    /// A blob of so many MiB.
    Registry(u32),
    /// Be the bare hyper echo.
    Floor(SocketAddr),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    /// Of each load.
    pub(crate) seconds: u32,
    pub(crate) cold: u32,
    pub(crate) only: Option<String>,
    pub(crate) json: bool,
}

pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Task> {
    let mut options = Options { rounds: 5, seconds: 2, cold: 5, only: None, json: false };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--rounds" => options.rounds = number(&value()?, 1, 100)?,
            "--seconds" => options.seconds = number(&value()?, 1, 60)?,
            "--cold" => options.cold = number(&value()?, 0, 100)?,
            "--only" => options.only = Some(value()?),
            "--json" => options.json = true,
            "--inside" => return Ok(Task::Inside),
            "--gguf" => return Ok(Task::Gguf),
            "--registry" => return Ok(Task::Registry(number(&value()?, 1, 16_384)?)),
            "--floor" => return Ok(Task::Floor(value()?.parse().context("`--floor` takes an address")?)),
            "-h" | "--help" => return Ok(Task::Help),
            other => bail!("`{other}` is unknown; see `cargo x bench -- --help`"),
        }
    }
    Ok(Task::Measure(options))
}

/// A bounded number: a load that runs for ever helps nobody.
fn number(text: &str, least: u32, most: u32) -> Result<u32> {
    let number = text.parse().with_context(|| format!("`{text}` is no number"))?;
    if !(least..=most).contains(&number) {
        bail!("`{number}` is not from {least} to {most}");
    }
    Ok(number)
}
