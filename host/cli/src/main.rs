//! The binary `tidegate`.
//!
//! [`args`] says what one can type, [`commands`] has one file for each command. What the edge profile's
//! binary has too is in `tidegate-commands`, with the exit codes and how errors are shown.

mod args;
mod commands;
mod component;
mod place;
mod remote;

use std::process::ExitCode;

use clap::Parser as _;
// Shared with the edge profile's binary.
use tidegate_commands::{failure, log, node, output, policy, settings};

fn main() -> ExitCode {
    // Components are compiled in a child, which is this executable: it must not get further than this line.
    if let Some(code) = tidegate::run_if_compile_child() {
        return code;
    }
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_arguments(&error),
    };
    let json = cli.json;
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print(json);
            failure.exit().into()
        }
    }
}

/// Also where help or the version was asked for, which is no error.
fn wrong_arguments(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let failure = failure::fail!(Usage, "{}", text.trim().trim_start_matches("error: "));
        failure.print(true);
        return failure.exit().into();
    }
    error.exit()
}
