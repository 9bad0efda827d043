//! The runtime: compile in a limited child, cache, pool, limits, epochs.
//!
//! This crate knows wasmtime, and nothing of policies, capabilities or protocols. It is the only one with `unsafe`. Of
//! signatures it knows one thing: native code from elsewhere comes as a `VerifiedNative` or not at all.
//!
//! ```text
//! bytes --load--> cache entry (HMAC) | compile child (limits, Landlock, seccomp) --> Component
//! VerifiedNative --load_native--> made by this version, for this target and layout --> Component
//! bytes --precompile--> compile child, for any target --> code, to be signed
//! data + Limiter --Engine::store--> CallStore --run(deadline)--> (result, CallStore) | Failure, and the store is gone
//! ```
//!
//! With the feature `compile`, which is on by default, binaries call `worker::run_if_asked` first thing in `main`: the
//! compile child is the same executable. Without it there is no compiler in the binary, and nothing that only a compiler
//! needs (cache, child, its sandbox).

#[cfg(feature = "compile")]
mod cache;
mod code_file;
#[cfg(feature = "compile")]
mod compile;
mod config;
mod engine;
mod epoch;
mod failure;
mod heap;
mod layout;
mod limiter;
mod load;
mod meter;
mod native;
#[cfg(feature = "compile")]
mod precompile;
pub mod runtime;
#[cfg(feature = "compile")]
mod sandbox;
mod store;
mod text;
#[cfg(feature = "compile")]
mod wire;
#[cfg(feature = "compile")]
pub mod worker;

pub use config::{CompileLimits, Compiler, EngineConfig, HostKey, Pool};
pub use engine::{Engine, EngineError, PoolUse};
pub use failure::{Failure, Frame};
pub use heap::{give_back, keep_little};
pub use layout::{Layout, LayoutKind};
pub use limiter::{Limit, Limiter, MAX_MEMORIES, MAX_TABLES, Refusal, StoreLimits};
pub use load::{Image, LoadError, Loaded, Origin};
pub use native::{NativeMismatch, VERSION, check_native};
#[cfg(feature = "compile")]
pub use precompile::{Precompiled, precompile};
pub use store::{CallLimits, CallStore, DeadlineReached, Running, TimeLimit};
#[cfg(feature = "compile")]
pub use wire::{Probe, Sandbox};

#[cfg(test)]
mod tests;
