//! Files, environment and command line to a typed [`Config`]; and policy files to a policy.
//!
//! The only crate that reads the environment: [`VARIABLES`] lists every variable. Each setting remembers where its value
//! came from ([`Setting::from`]). Order: command line over environment over file over default.

mod access;
mod config;
mod engine;
mod environment;
mod file;
mod listen;
mod log;
mod policy;
mod registry;
mod service;
mod setting;
mod source;

pub use access::{ALGORITHMS, AccessConfig, IssuerConfig, TlsConfig};
pub use config::{CompileConfig, Config, ConfigError, HttpConfig, Options};
pub use engine::{CodeKind, EngineConfig};
pub use environment::{Environment, VARIABLES, Variable, colour_wanted, secret_from_environment};
pub use listen::Listen;
pub use log::{LogConfig, LogFormat, LogLevel};
pub use policy::{PolicyFileError, read_policy};
pub use registry::{AnonymousPullConfig, RegistryConfig, parse_registry_listen, read_registry};
pub use service::ServiceConfig;
pub use setting::{Provenance, Setting, SettingLine};
pub use source::SourceConfig;

#[cfg(test)]
mod tests;
