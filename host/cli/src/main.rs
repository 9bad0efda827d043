//! The binary `tidegate`.
//!
//! [`args`] says what one can type, [`commands`] has one file for each command, [`failure`] the exit codes and how errors
//! are shown.

mod args;
mod commands;
mod failure;
mod log;
mod output;
mod policy;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // Components are compiled in a child, which is this executable: it must not get further than this line.
    if let Some(code) = tidegate::run_if_compile_child() {
        return code;
    }
    let cli = args::Cli::parse();
    let json = cli.json;
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print(json);
            failure.exit().into()
        }
    }
}
