//! The node's log, on standard error.

mod json;

use tidegate_config::{LogConfig, LogFormat, LogLevel};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::output::Style;

/// Sends the log to standard error. `quiet`: commands that end at once log less unless told otherwise.
pub fn start(config: &LogConfig, quiet: bool) {
    let told = config.level.from != tidegate_config::Provenance::Default;
    let level = if quiet && !told { LogLevel::Warn } else { config.level.value };
    let json = config.format.value == LogFormat::Json;
    let registry = tracing_subscriber::registry().with(targets(level));
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(Style::stderr().is_on());
    // It fails only where there is a log already.
    let _ = if json {
        tracing::subscriber::set_global_default(registry.with(json::JsonLines))
    } else {
        tracing::subscriber::set_global_default(registry.with(lines.with_target(false)))
    };
}

/// Libraries speak up only when something is wrong.
fn targets(level: LogLevel) -> Targets {
    let filter = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let libraries = if level == LogLevel::Trace { filter } else { filter.min(LevelFilter::WARN) };
    let noisy = ["cranelift", "wasmtime", "wasmtime_wasi", "hyper", "hyper_util", "rustls", "h2"];
    Targets::new().with_default(filter).with_targets(noisy.map(|name| (name, libraries)))
}
