//! Tidegate: a plugin host for the edge in which every capability is a WebAssembly component.
//!
//! This crate is the host as a library, and the one place that knows all of its parts. An application builds a
//! [`Host`], adds signed components and calls their tools; it may also let the host serve HTTP or a byte stream through
//! protocol components. The command line is such an application.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tidegate::{CallEvent, Host};
//!
//! let policy = tidegate::parse_policy("policy.toml", &std::fs::read_to_string("policy.toml")?)?;
//! let host = Host::builder("/var/lib/app").policy(policy).build().await?;
//! host.add("tool-time.wasm".as_ref()).await?;
//!
//! let mut call = host.call_tool("current_time", r#"{"zone":"Europe/Berlin"}"#);
//! while let Some(event) = call.next().await {
//!     match event {
//!         CallEvent::Progress(progress) => println!("{}", progress.progress),
//!         CallEvent::Message(message) => println!("{}", message.data),
//!         CallEvent::Done(end) => println!("{:?}", end?),
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! Components are compiled in a child process, which is the same executable started again: call
//! `run_if_compile_child` first thing in `main`. A build without the feature `compile` has no such function and no compiler.

mod admit;
mod builder;
mod call;
mod code;
mod control;
mod files;
#[cfg(feature = "compile")]
mod health;
mod host;
mod locking;
mod model_report;
#[cfg(feature = "models")]
mod models;
mod report;
mod routes;
mod serve;
mod tls;
mod trust;
mod update;

pub use admit::{AdmitError, Admitted};
pub use builder::{BuildError, Builder};
pub use call::{CallEvent, ToolCall};
pub use code::Code;
pub use control::{
    Client as ControlClient, Control, ControlError, Fault as ControlFault, Reply as ControlReply,
    Request as ControlRequest,
};
pub use files::{FilesError, StatePaths};
#[cfg(feature = "compile")]
pub use health::Health;
pub use host::{Host, Loaded, RemoveError, RollBackError};
pub use locking::{LockingError, read_lock};
pub use model_report::{ModelDetails, ModelListing, ModelPort, ModelReport, VariantReport};
#[cfg(feature = "models")]
pub use models::ModelAddError;
pub use report::{ComponentReport, ContentReport, Listing, OutputReport, RefusedReport, SignerReport, ToolReport};
pub use serve::{Address, HttpOptions, HttpServer, ServeError};
pub use tidegate_transport_http::{Allow, Limits as HttpLimits};

pub use tidegate_access as access;
pub use tidegate_attestation as attestation;
pub use tidegate_audit::{Audit, CallEnd, Event as AuditEvent, FileSink, FileSinkError, Record, Sink, TraceSink};
pub use tidegate_bindings::types;
pub use tidegate_bundle as bundle;
pub use tidegate_cap_host::{SecretSource, Where as SecretPlace};
pub use tidegate_engine::{
    CompileLimits, Compiler, LoadError as EngineLoadError, NativeMismatch, VERSION as ENGINE_VERSION, check_native,
    keep_little, runtime,
};
#[cfg(feature = "compile")]
pub use tidegate_engine::{Precompiled, precompile};
pub use tidegate_freshness::{Floor, FloorsError, Sources, SourcesError, Stale};
pub use tidegate_grant as grant;
pub use tidegate_lock as lock;
pub use tidegate_reference as reference;
pub use tidegate_router::CallError;
pub use tidegate_rules as rules;
pub use tidegate_source_dir as source;
pub use tls::{TlsFiles, TlsFilesError};
pub use trust::{TrustedKeysError, trust_root};
pub use update::{DirectorySource, Fetched, Newest, Offer, Offering, SourceError, UpdateSource, newest};

/// Compiles a component and gives the exit code, if this process was started to do so; nothing otherwise.
///
/// Every binary that builds a [`Host`] calls it first thing in `main`, before threads, runtimes and arguments.
#[cfg(feature = "compile")]
#[must_use]
pub fn run_if_compile_child() -> Option<std::process::ExitCode> {
    tidegate_engine::worker::run_if_asked()
}

/// Reads the text of a policy. `name` stands in messages; relative paths in it start from the folder of `name`, which is
/// looked for in the working directory if it is relative itself.
///
/// # Errors
/// Every problem in it, with line and column.
pub fn parse_policy(name: &str, text: &str) -> Result<rules::Policy, rules::PolicyError> {
    let path = host::absolute(name.as_ref());
    let folder = path.parent().unwrap_or_else(|| "/".as_ref()).to_owned();
    rules::parse(&[rules::Source { name: name.to_owned(), folder, text: text.to_owned() }])
}
