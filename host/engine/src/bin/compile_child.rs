//! The compile child of the tests: what every binary with an engine does first, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate_engine::worker::run_if_asked().unwrap_or(ExitCode::FAILURE)
}
