//! The configuration file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_bundle::CodeLayout;
use tidegate_grant::Origin;
use tidegate_rules::Problem;
use tidegate_rules::document::{Document, Value};
use toml::de::DeTable;

use crate::access::{IssuerConfig, TlsConfig};
use crate::engine::CodeKind;
use crate::listen::Listen;
use crate::log::{LogFormat, LogLevel};
use crate::source::SourceConfig;

/// A value and its line.
type Line<T> = Option<(T, Origin)>;

/// What the file sets.
#[derive(Default)]
pub(crate) struct FileValues {
    pub(crate) state: Line<PathBuf>,
    pub(crate) listen: Line<Listen>,
    pub(crate) policy: Line<Vec<PathBuf>>,
    pub(crate) keys: Line<PathBuf>,
    pub(crate) lock: Line<PathBuf>,
    pub(crate) locked: Line<bool>,
    pub(crate) seal_key: Line<PathBuf>,
    pub(crate) development: Line<bool>,
    pub(crate) trusted_root: Line<PathBuf>,
    pub(crate) sources: Line<Vec<SourceConfig>>,
    pub(crate) allowed_origins: Line<Vec<String>>,
    pub(crate) allowed_hosts: Line<Vec<String>>,
    pub(crate) max_body: Line<u64>,
    pub(crate) header_timeout: Line<Duration>,
    pub(crate) max_header_bytes: Line<u64>,
    pub(crate) idle_timeout: Line<Duration>,
    pub(crate) socket_mode: Line<u32>,
    pub(crate) tls: Line<TlsConfig>,
    pub(crate) access_keys: Line<bool>,
    pub(crate) access_resource: Line<String>,
    pub(crate) access_scopes: Line<Vec<String>>,
    pub(crate) access_roots: Line<PathBuf>,
    pub(crate) access_issuers: Line<Vec<IssuerConfig>>,
    pub(crate) engine_code: Line<CodeKind>,
    pub(crate) engine_compile: Line<bool>,
    pub(crate) engine_layout: Line<Option<CodeLayout>>,
    pub(crate) models_memory: Line<u64>,
    pub(crate) compile_memory: Line<u64>,
    pub(crate) compile_cpu: Line<Duration>,
    pub(crate) compile_wall: Line<Duration>,
    pub(crate) compile_output: Line<u64>,
    pub(crate) compile_input: Line<u64>,
    pub(crate) log_level: Line<LogLevel>,
    pub(crate) log_format: Line<LogFormat>,
}

const TOP: &[&str] = &[
    "state",
    "listen",
    "policy",
    "keys",
    "lock",
    "locked",
    "seal-key",
    "development",
    "trusted-root",
    "source",
    "http",
    "tls",
    "access",
    "engine",
    "models",
    "compile",
    "log",
];
const HTTP: &[&str] = &[
    "allowed-origins",
    "allowed-hosts",
    "max-body",
    "header-timeout",
    "max-header-bytes",
    "idle-timeout",
    "socket-mode",
];

const COMPILE: &[&str] = &["memory", "cpu", "wall", "output", "input"];

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Reads the text of the file at `path`; relative paths in it start from its folder.
pub(crate) fn read_file(path: &Path, text: &str) -> Result<FileValues, Vec<Problem>> {
    let (document, table) = Document::read(&path.display().to_string(), text);
    let mut reader = Reader { document, folder: path.parent().unwrap_or(Path::new("/")) };
    let values = table.map(|table| reader.top(&table)).unwrap_or_default();
    let problems = reader.document.into_problems();
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

pub(crate) struct Reader<'i, 'p> {
    pub(crate) document: Document<'i>,
    folder: &'p Path,
}

impl Reader<'_, '_> {
    fn top(&mut self, table: &DeTable<'_>) -> FileValues {
        self.document.check_keys(table, "", TOP);
        let mut values = FileValues {
            state: self.value(table, "state", Self::path),
            listen: self.value(table, "listen", |reader, value, key| {
                let text = reader.document.string(value, key)?;
                reader.checked(value, Listen::read(text, reader.folder))
            }),
            policy: self.value(table, "policy", |reader, value, key| {
                let items = reader.document.array(value, key)?;
                Some(items.iter().filter_map(|item| reader.path(item, key)).collect())
            }),
            keys: self.value(table, "keys", Self::path),
            lock: self.value(table, "lock", Self::path),
            seal_key: self.value(table, "seal-key", Self::path),
            locked: self.value(table, "locked", |reader, value, key| reader.document.boolean(value, key)),
            development: self.value(table, "development", |reader, value, key| reader.document.boolean(value, key)),
            trusted_root: self.value(table, "trusted-root", Self::path),
            sources: self.value(table, "source", |reader, value, _| reader.sources(value)),
            ..FileValues::default()
        };
        if let Some(http) = table.get("http").and_then(|value| self.document.table(value, "http")) {
            self.http(http, &mut values);
        }
        values.tls = self.value(table, "tls", |reader, value, key| {
            let tls = reader.document.table(value, key)?;
            reader.tls(tls)
        });
        if let Some(access) = table.get("access").and_then(|value| self.document.table(value, "access")) {
            self.access(access, &mut values);
        }
        if let Some(engine) = table.get("engine").and_then(|value| self.document.table(value, "engine")) {
            self.document.check_keys(engine, "[engine]", &["code", "compile", "layout"]);
            values.engine_code = self.value(engine, "code", Self::word);
            values.engine_compile =
                self.value(engine, "compile", |reader, value, key| reader.document.boolean(value, key));
            values.engine_layout = self.value(engine, "layout", |reader, value, key| {
                let text = reader.document.string(value, key)?;
                reader.checked(value, crate::engine::layout(text))
            });
        }
        if let Some(models) = table.get("models").and_then(|value| self.document.table(value, "models")) {
            self.document.check_keys(models, "[models]", &["memory"]);
            values.models_memory =
                self.value(models, "memory", |reader, value, key| reader.document.size(value, key, 1 << 20, 1 << 40));
        }
        if let Some(compile) = table.get("compile").and_then(|value| self.document.table(value, "compile")) {
            self.compile(compile, &mut values);
        }
        if let Some(log) = table.get("log").and_then(|value| self.document.table(value, "log")) {
            self.document.check_keys(log, "[log]", &["level", "format"]);
            values.log_level = self.value(log, "level", Self::word);
            values.log_format = self.value(log, "format", Self::word);
        }
        values
    }

    fn http(&mut self, table: &DeTable<'_>, values: &mut FileValues) {
        self.document.check_keys(table, "[http]", HTTP);
        values.allowed_origins =
            self.value(table, "allowed-origins", |reader, value, key| reader.texts(value, key, origin_problem));
        values.allowed_hosts =
            self.value(table, "allowed-hosts", |reader, value, key| reader.texts(value, key, host_problem));
        // The upper bounds keep one request from taking the node's memory.
        values.max_body =
            self.value(table, "max-body", |reader, value, key| reader.document.size(value, key, 1 << 10, 1 << 30));
        values.max_header_bytes = self
            .value(table, "max-header-bytes", |reader, value, key| reader.document.size(value, key, 8 << 10, 1 << 20));
        values.header_timeout = self
            .value(table, "header-timeout", |reader, value, key| reader.document.duration(value, key, SECOND, HOUR));
        values.socket_mode = self.value(table, "socket-mode", Self::mode);
        values.idle_timeout =
            self.value(table, "idle-timeout", |reader, value, key| reader.document.duration(value, key, SECOND, HOUR));
    }

    /// What `chmod` takes, in quotes: TOML has octal numbers, which people forget to mark.
    fn mode(&mut self, value: &Value<'_>, key: &str) -> Option<u32> {
        let text = self.document.string(value, key)?;
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| mode & !0o666 == 0 && mode & 0o600 == 0o600);
        let message = format!(
            "`{key}` is `{text}`: `\"0600\"` is for this user, `\"0660\"` for its group too, `\"0666\"` for everybody"
        );
        self.checked(value, mode.ok_or(message))
    }

    fn compile(&mut self, table: &DeTable<'_>, values: &mut FileValues) {
        self.document.check_keys(table, "[compile]", COMPILE);
        let size =
            |reader: &mut Self, value: &Value<'_>, key: &str| reader.document.size(value, key, 1 << 20, 16 << 30);
        let time = |reader: &mut Self, value: &Value<'_>, key: &str| reader.document.duration(value, key, SECOND, HOUR);
        values.compile_memory = self.value(table, "memory", size);
        values.compile_cpu = self.value(table, "cpu", time);
        values.compile_wall = self.value(table, "wall", time);
        values.compile_output = self.value(table, "output", size);
        values.compile_input = self.value(table, "input", size);
    }

    pub(crate) fn value<T>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Value<'_>, &str) -> Option<T>,
    ) -> Line<T> {
        let value = table.get(key)?;
        Some((read(self, value, key)?, self.document.origin(&value.span())))
    }

    pub(crate) fn path(&mut self, value: &Value<'_>, key: &str) -> Option<PathBuf> {
        let text = self.document.string(value, key)?;
        if text.is_empty() || text.starts_with('~') {
            let message = format!("`{key}` must be a path; `~` is not expanded, write the whole path");
            self.document.problem(value.span(), message);
            return None;
        }
        Some(self.folder.join(text))
    }

    /// Texts in lower case.
    fn texts(
        &mut self,
        value: &Value<'_>,
        key: &str,
        problem: impl Fn(&str) -> Option<&'static str>,
    ) -> Option<Vec<String>> {
        let texts = self.plain_texts(value, key, problem)?;
        Some(texts.into_iter().map(|text| text.to_ascii_lowercase()).collect())
    }

    /// Texts as they are.
    pub(crate) fn plain_texts(
        &mut self,
        value: &Value<'_>,
        key: &str,
        problem: impl Fn(&str) -> Option<&'static str>,
    ) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for item in self.document.array(value, key)? {
            let Some(text) = self.document.string(item, key) else { continue };
            match problem(text) {
                Some(problem) => self.document.problem(item.span(), format!("`{text}` {problem}")),
                None => texts.push(text.to_owned()),
            }
        }
        Some(texts)
    }

    fn word<T: std::str::FromStr<Err = String>>(&mut self, value: &Value<'_>, key: &str) -> Option<T> {
        let text = self.document.string(value, key)?;
        self.checked(value, text.parse())
    }

    pub(crate) fn checked<T>(&mut self, value: &Value<'_>, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.document.problem(value.span(), message)).ok()
    }
}

/// What browsers send as `Origin` is compared whole, so it must be written as they do.
fn origin_problem(text: &str) -> Option<&'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        _ if text.contains('*') => Some("is a pattern: origins are compared whole, name each"),
        Some(rest) if !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ']) => None,
        _ => Some("is not an origin: scheme and host without a path, `https://app.example.com`"),
    }
}

fn host_problem(text: &str) -> Option<&'static str> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if text.contains('*') {
        Some("is a pattern: hosts are compared whole, name each")
    } else if text.is_empty() || !text.bytes().all(letters) {
        Some("is not a host name: leave scheme, port and path away")
    } else {
        None
    }
}
