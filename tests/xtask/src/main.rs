//! `cargo x`: everything a person or a machine does with this checkout.
//!
//! The first thing that a newcomer compiles, hence few dependencies and arguments parsed by hand.

mod bench;
mod clients;
mod conformance;
mod cross;
mod deploy;
mod doctor;
mod edge;
mod finish;
mod fuzz;
mod guests;
mod help;
mod interop;
mod layout;
mod models;
mod programs;
mod quality;
mod release;
mod run;
mod step;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::layout::Layout;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let Some((verb, rest)) = arguments.split_first() else {
        print!("{}", help::ALL);
        return Ok(ExitCode::SUCCESS);
    };
    // `cargo x run -- --help` reaches the host; `cargo x run --help` is ours.
    if let ("-h" | "--help" | "help", _) | (_, Some("-h" | "--help")) =
        (verb.as_str(), rest.first().map(String::as_str))
    {
        print!("{}", help::of(verb));
        return Ok(ExitCode::SUCCESS);
    }
    let layout = Layout::find()?;
    match verb.as_str() {
        "guests" => guests::command(&layout, rest),
        "run" => run::command(&layout, rest),
        "test" => test::command(&layout, rest),
        "clients" => clients::command(&layout, rest),
        "conformance" => conformance::command(&layout, rest),
        "models" => models::command(&layout, rest),
        "registry-interop" => interop::command(&layout, rest),
        "cross" => cross::command(&layout, rest),
        "bench" => bench::command(&layout, rest),
        "deploy" => deploy::command(&layout, rest),
        "edge" => edge::command(&layout, rest),
        "release" => release::command(&layout, rest),
        "fuzz" => fuzz::command(&layout, rest),
        "lint" => quality::command(&layout, rest),
        "doctor" => doctor::command(&layout, rest),
        "clean" => layout::clean(&layout, rest),
        other => bail!("there is no `cargo x {other}`; `cargo x --help` lists what there is"),
    }
}

/// Refuses arguments where a command takes none.
fn no_arguments(verb: &str, rest: &[String]) -> Result<()> {
    match rest.first() {
        Some(argument) => bail!("`cargo x {verb}` does not know `{argument}`; see `cargo x {verb} --help`"),
        None => Ok(()),
    }
}
