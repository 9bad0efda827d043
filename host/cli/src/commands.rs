//! One file for each command.

pub(crate) mod key;
pub(crate) mod run;
pub(crate) mod sign;
pub(crate) mod verify;

use std::future::Future;

use crate::args::{Cli, Command};
use crate::failure::{Exit, Result};

/// Runs what was typed.
pub(crate) fn run(cli: Cli) -> Result<Exit> {
    let json = cli.json;
    match cli.command {
        Command::Run(run) => run.run(json),
        Command::Key(key) => key.run(json),
        Command::Sign(sign) => sign.run(json),
        Command::Verify(verify) => verify.run(json),
    }
}

/// Runs a future on a runtime that is tuned for guests that do not yield, and does not wait for threads that read.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = tidegate::runtime::tune(&mut builder).enable_all().build()?;
    let end = runtime.block_on(future);
    runtime.shutdown_background();
    end
}
