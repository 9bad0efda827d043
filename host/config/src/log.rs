//! How much is logged, and in which form.

use std::fmt;
use std::str::FromStr;

use tidegate_grant::Origin;

use crate::config::{ConfigError, Options};
use crate::environment::Environment;
use crate::setting::{Given, Provenance, Setting};

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How much is logged.
    pub level: Setting<LogLevel>,
    /// In which form.
    pub format: Setting<LogFormat>,
}

/// How much is logged, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may be wrong.
    Warn,
    /// And what happened. The default.
    Info,
    /// And details for developers.
    Debug,
    /// And everything else.
    Trace,
}

/// The log's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people. The default.
    Text,
    /// One JSON object a line.
    Json,
}

/// From command line, environment and file.
pub(crate) fn log(
    options: &Options,
    environment: &Environment,
    level: Option<(LogLevel, Origin)>,
    format: Option<(LogFormat, Origin)>,
) -> Result<LogConfig, ConfigError> {
    fn variable<T: FromStr<Err = String>>(
        environment: &Environment,
        name: &'static str,
    ) -> Result<Option<(T, &'static str)>, ConfigError> {
        let wrong = |message| ConfigError::Value { from: Provenance::Environment(name), message };
        environment.get(name).map(|text| text.parse().map(|value| (value, name)).map_err(wrong)).transpose()
    }
    let level = Given {
        option: options.log_level.map(|level| (level, "--log")),
        environment: variable(environment, "TIDEGATE_LOG")?,
        file: level,
    };
    let format = Given {
        option: options.log_format.map(|format| (format, "--log-format")),
        environment: variable(environment, "TIDEGATE_LOG_FORMAT")?,
        file: format,
    };
    Ok(LogConfig { level: level.or_default(|| LogLevel::Info), format: format.or_default(|| LogFormat::Text) })
}

// === impl LogLevel, LogFormat ===

const LEVELS: &[(&str, LogLevel)] = &[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let known = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    known.ok_or_else(|| format!("`{text}` is not one of {}", tidegate_rules::document::list(&names)))
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        word(text, LEVELS)
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        word(text, FORMATS)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LEVELS.iter().find(|(_, level)| level == self).map_or("", |(name, _)| name))
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FORMATS.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name))
    }
}
