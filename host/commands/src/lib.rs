//! What the commands that both binaries have do: the full `tidegate`, and the one of the edge profile.
//!
//! Arguments arrive here read: each binary has its own way to read them. What a command says and how it ends is the same
//! in both. [`failure`] has the exit codes and how errors are shown, [`settings`] the way from options to a host.

pub mod access;
pub mod add;
pub mod failure;
pub mod keys;
pub mod list;
pub mod log;
pub mod native;
pub mod node;
pub mod output;
pub mod policy;
pub mod remove;
pub mod run;
pub mod settings;
pub mod verify;

use std::future::Future;

use crate::failure::Result;

/// Version of the host and of its engine: cached code and native code are bound to the latter.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (wasmtime ", "48.0.8", ")");

/// Runs a future on a runtime that is tuned for guests that do not yield, and does not wait for threads that read.
///
/// # Errors
/// The future's, or there is no runtime.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = tidegate::runtime::tune(&mut builder).enable_all().build()?;
    let end = runtime.block_on(future);
    runtime.shutdown_background();
    end
}
