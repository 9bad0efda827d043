//! The binary of the edge profile: the gateway without a compiler, for nodes that run what was compiled elsewhere.
//!
//! [`arguments`] reads what was typed by the tables in [`command`]; what commands do is in `tidegate-commands`, the same
//! as in the full binary.

mod arguments;
mod command;
mod help;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use tidegate_commands::failure::Exit;
use tidegate_commands::output;

use crate::arguments::Typed;

fn main() -> ExitCode {
    tidegate::keep_little();
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let json = words.iter().any(|word| word == "--json");
    let end = arguments::read(words).and_then(|typed| match typed {
        Typed::Text(text) => {
            output::line(text.trim_end());
            Ok(Exit::Done)
        }
        Typed::Command(command, given) => (command.run)(*given),
    });
    match end {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print(json);
            failure.exit().into()
        }
    }
}
