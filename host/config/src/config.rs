//! The typed configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tidegate_grant::{format_bytes, format_duration};
use tidegate_rules::Problem;

use crate::access::{AccessConfig, TlsConfig};
use crate::engine::{CodeKind, EngineConfig};
use crate::environment::Environment;
use crate::file::{FileValues, read_file};
use crate::listen::Listen;
use crate::log::{LogConfig, LogFormat, LogLevel, log};
use crate::service::ServiceConfig;
use crate::setting::{Given, Provenance, Setting, SettingLine};
use crate::source::SourceConfig;

/// Values from the command line. Relative paths start from the working directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `--config`: the configuration file.
    pub config: Option<PathBuf>,
    /// `--state`: the state directory.
    pub state: Option<PathBuf>,
    /// `--listen`: address and port.
    pub listen: Option<String>,
    /// `--policy`: policy files; empty: not given.
    pub policy: Vec<PathBuf>,
    /// `--keys`: the key directory.
    pub keys: Option<PathBuf>,
    /// `--log`: how much is logged.
    pub log_level: Option<LogLevel>,
    /// `--log-format`.
    pub log_format: Option<LogFormat>,
    /// `--locked`; false: not given.
    pub locked: bool,
    /// `--lock`: the lock.
    pub lock: Option<PathBuf>,
    /// `--development`; false: not given.
    pub development: bool,
}

/// Everything that can be set about a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The configuration file; it may be missing where it is the default.
    pub file: Setting<PathBuf>,
    /// Directory for everything the host keeps: databases, cache, logs. `$XDG_STATE_HOME/tidegate`.
    pub state: Setting<PathBuf>,
    /// Where HTTP is served: 127.0.0.1:8765. An address that other machines reach takes `tls` and `access`.
    pub listen: Setting<Listen>,
    /// Policy files, read as one policy. `policy.toml` beside the configuration file.
    pub policy: Setting<Vec<PathBuf>>,
    /// This machine's keys. `keys` beside the configuration file.
    pub keys: Setting<PathBuf>,
    /// What a person approved of each component. `tidegate.lock` beside the configuration file.
    pub lock: Setting<PathBuf>,
    /// Only what the lock approves is let in.
    pub locked: Setting<bool>,
    /// 32 bytes under which values that pass through clients are sealed: one file for all hosts that answer behind one
    /// address. Derived from the host key.
    pub seal_key: Setting<Option<PathBuf>>,
    /// The authorities that certify identities, `trusted_root.json`, where a signer or a command names none.
    pub trusted_root: Setting<Option<PathBuf>>,
    /// Registries and mirrors whose index must be signed.
    pub sources: Setting<Vec<SourceConfig>>,
    /// HTTP.
    pub http: HttpConfig,
    /// The certificate; none: no TLS.
    pub tls: Setting<Option<TlsConfig>>,
    /// How clients prove who they are.
    pub access: AccessConfig,
    /// What kind of code runs, and who compiles it.
    pub engine: EngineConfig,
    /// Memory that all loaded models may have together, in bytes. 512 MiB.
    pub models_memory: Setting<u64>,
    /// Compiling.
    pub compile: CompileConfig,
    /// The log.
    pub log: LogConfig,
    /// Development mode: components built on this machine run as signer `local-build`. No environment variable sets it,
    /// because nobody sees an inherited variable.
    pub development: Setting<bool>,
    /// The service manager.
    pub service: ServiceConfig,
}

/// Bounds and checks on HTTP requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Values of `Origin` that are accepted, as browsers send them (`https://app.example.com`), beside those of this
    /// machine (loopback names and addresses). Others are refused, so that a web page cannot reach the host.
    pub allowed_origins: Setting<Vec<String>>,
    /// Values of `Host`, without port, that are accepted beside loopback names and addresses: stops DNS rebinding.
    pub allowed_hosts: Setting<Vec<String>>,
    /// Largest request body, in bytes. 16 MiB; a body beyond is answered 413.
    pub max_body: Setting<u64>,
    /// Time for a request's headers to arrive. 10 s; otherwise slow senders would hold every connection.
    pub header_timeout: Setting<Duration>,
    /// Largest request head (line and headers), in bytes. 64 KiB.
    pub max_header_bytes: Setting<u64>,
    /// How long a connection may be open with no request on it. 2 min.
    pub idle_timeout: Setting<Duration>,
    /// Who may connect to a Unix socket, as `chmod` writes it. 0600: this user.
    pub socket_mode: Setting<u32>,
}

/// Bounds on compiling one component. A small component can make a compiler use more than 1 GB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileConfig {
    /// Address space of the compile child, in bytes. 1 GiB; less suits boards with less memory.
    pub memory: Setting<u64>,
    /// Processor time. 60 s.
    pub cpu: Setting<Duration>,
    /// Time from start to end. 2 min.
    pub wall: Setting<Duration>,
    /// Largest native code, in bytes. 256 MiB.
    pub output: Setting<u64>,
    /// Largest component, in bytes. 64 MiB.
    pub input: Setting<u64>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration file has problems: all of them, one a line.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    File {
        /// At least one.
        problems: Vec<Problem>,
    },
    /// A value from the environment or the command line is wrong.
    #[error("{from}: {message}")]
    Value {
        /// Which.
        from: Provenance,
        /// What is wrong and what to write instead.
        message: String,
    },
    /// Nothing says where files are.
    #[error("no home directory: set HOME, or give `--state` and `--config`")]
    NoHome,
}

// === impl Config ===

impl Config {
    /// Reads the configuration file and puts everything together.
    ///
    /// # Errors
    /// A file that was named and cannot be read, every problem in the file, or the first wrong value outside it. A
    /// missing file at the default place is no error.
    pub fn load(options: &Options, environment: &Environment) -> Result<Self, ConfigError> {
        let file = config_file(options, environment)?;
        let values = match fs::read_to_string(&file.value) {
            Ok(text) => read_file(&file.value, &text).map_err(|problems| ConfigError::File { problems })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.from == Provenance::Default => {
                FileValues::default()
            }
            Err(source) => return Err(ConfigError::Read { path: file.value, source }),
        };
        Self::merge(options, environment, file, values)
    }

    fn merge(
        options: &Options,
        environment: &Environment,
        file: Setting<PathBuf>,
        values: FileValues,
    ) -> Result<Self, ConfigError> {
        let folder = file.value.parent().unwrap_or(Path::new("/")).to_owned();
        let at = |path: &Path| environment.working_directory.join(path);
        let directory = |option: &Option<PathBuf>, flag, variable, file| Given {
            option: option.as_deref().map(|path| (at(path), flag)),
            environment: environment.get(variable).map(|path| (at(Path::new(path)), variable)),
            file,
        };
        let state = directory(&options.state, "--state", "TIDEGATE_STATE", values.state);
        let default_state = environment.base("XDG_STATE_HOME", ".local/state").map(|base| base.join("tidegate"));
        let given = state.option.is_some() || state.environment.is_some() || state.file.is_some();
        if !given && default_state.is_none() {
            return Err(ConfigError::NoHome);
        }
        let paths = |text: &str| std::env::split_paths(text).map(|path| at(&path)).collect::<Vec<_>>();
        let policy = Given {
            option: (!options.policy.is_empty())
                .then(|| (options.policy.iter().map(|path| at(path)).collect(), "--policy")),
            environment: environment.get("TIDEGATE_POLICY").map(|text| (paths(text), "TIDEGATE_POLICY")),
            file: values.policy,
        };
        let optional =
            |line: Option<(PathBuf, tidegate_grant::Origin)>| line.map(|(path, origin)| (Some(path), origin));
        let config = Self {
            tls: Given::file(values.tls.map(|(tls, origin)| (Some(tls), origin))).or_default(|| None),
            access: AccessConfig {
                keys: Given::file(values.access_keys).or_default(|| false),
                resource: Given::file(values.access_resource.map(|(text, origin)| (Some(text), origin)))
                    .or_default(|| None),
                scopes: Given::file(values.access_scopes.map(|(scopes, origin)| (Some(scopes), origin)))
                    .or_default(|| None),
                roots: Given::file(optional(values.access_roots)).or_default(|| None),
                issuers: Given::file(values.access_issuers).or_default(Vec::new),
            },
            state: state.or_default(|| default_state.unwrap_or_default()),
            listen: listen(options, environment, values.listen)?,
            policy: policy.or_default(|| vec![folder.join("policy.toml")]),
            keys: directory(&options.keys, "--keys", "TIDEGATE_KEYS", values.keys).or_default(|| folder.join("keys")),
            // No variable for either: nobody sees an inherited one.
            lock: Given {
                option: options.lock.as_deref().map(|path| (at(path), "--lock")),
                environment: None,
                file: values.lock,
            }
            .or_default(|| folder.join("tidegate.lock")),
            locked: Given {
                option: options.locked.then_some((true, "--locked")),
                environment: None,
                file: values.locked,
            }
            .or_default(|| false),
            seal_key: Given::file(optional(values.seal_key)).or_default(|| None),
            trusted_root: Given::file(optional(values.trusted_root)).or_default(|| None),
            sources: Given::file(values.sources).or_default(Vec::new),
            engine: EngineConfig {
                code: Given::file(values.engine_code).or_default(|| CodeKind::Native),
                compile: Given::file(values.engine_compile).or_default(|| true),
                layout: Given::file(values.engine_layout).or_default(|| None),
            },
            models_memory: Given::file(values.models_memory).or_default(|| 512 << 20),
            compile: CompileConfig {
                memory: Given::file(values.compile_memory).or_default(|| 1 << 30),
                cpu: Given::file(values.compile_cpu).or_default(|| Duration::from_secs(60)),
                wall: Given::file(values.compile_wall).or_default(|| Duration::from_secs(120)),
                output: Given::file(values.compile_output).or_default(|| 256 << 20),
                input: Given::file(values.compile_input).or_default(|| 64 << 20),
            },
            http: HttpConfig {
                allowed_origins: Given::file(values.allowed_origins).or_default(Vec::new),
                allowed_hosts: Given::file(values.allowed_hosts).or_default(Vec::new),
                max_body: Given::file(values.max_body).or_default(|| 16 << 20),
                header_timeout: Given::file(values.header_timeout).or_default(|| Duration::from_secs(10)),
                max_header_bytes: Given::file(values.max_header_bytes).or_default(|| 64 << 10),
                idle_timeout: Given::file(values.idle_timeout).or_default(|| Duration::from_secs(120)),
                socket_mode: Given::file(values.socket_mode).or_default(|| 0o600),
            },
            log: log(options, environment, values.log_level, values.log_format)?,
            service: ServiceConfig::read(environment, std::process::id()),
            development: Given {
                option: options.development.then_some((true, "--development")),
                environment: None,
                file: values.development,
            }
            .or_default(|| false),
            file,
        };
        check_reachable(&config)?;
        Ok(config)
    }

    /// Every setting with its value and its source, for `doctor`.
    #[must_use]
    pub fn lines(&self) -> Vec<SettingLine> {
        let path = |path: &PathBuf| path.display().to_string();
        let joined = |texts: &Vec<String>| texts.join(", ");
        vec![
            self.file.line("config", path),
            self.state.line("state", path),
            self.listen.line("listen", ToString::to_string),
            self.policy.line("policy", |files| files.iter().map(path).collect::<Vec<_>>().join(", ")),
            self.keys.line("keys", path),
            self.lock.line("lock", path),
            self.locked.line("locked", ToString::to_string),
            self.seal_key.line("seal-key", |file| file.as_ref().map(path).unwrap_or_default()),
            self.development.line("development", ToString::to_string),
            self.trusted_root.line("trusted-root", |file| file.as_ref().map(path).unwrap_or_default()),
            self.sources.line("source", |sources| {
                sources.iter().map(|source| source.place.as_str()).collect::<Vec<_>>().join(", ")
            }),
            self.http.allowed_origins.line("http.allowed-origins", joined),
            self.http.allowed_hosts.line("http.allowed-hosts", joined),
            self.http.max_body.line("http.max-body", |bytes| format_bytes(*bytes)),
            self.http.header_timeout.line("http.header-timeout", |time| format_duration(*time)),
            self.http.max_header_bytes.line("http.max-header-bytes", |bytes| format_bytes(*bytes)),
            self.http.idle_timeout.line("http.idle-timeout", |time| format_duration(*time)),
            self.http.socket_mode.line("http.socket-mode", |mode| format!("{mode:04o}")),
            self.tls.line("tls", |tls| tls.as_ref().map_or_else(String::new, |tls| path(&tls.certificate))),
            self.access.keys.line("access.keys", ToString::to_string),
            self.access.resource.line("access.resource", |text| text.clone().unwrap_or_default()),
            self.access.scopes.line("access.scopes", |scopes| scopes.as_ref().map_or_else(String::new, joined)),
            self.access.roots.line("access.roots", |roots| roots.as_ref().map_or_else(String::new, path)),
            self.access.issuers.line("access.issuer", |issuers| {
                issuers.iter().map(|issuer| issuer.issuer.as_str()).collect::<Vec<_>>().join(", ")
            }),
            self.engine.code.line("engine.code", ToString::to_string),
            self.engine.compile.line("engine.compile", ToString::to_string),
            self.engine
                .layout
                .line("engine.layout", |layout| layout.map_or_else(|| "auto".to_owned(), |layout| layout.to_string())),
            self.models_memory.line("models.memory", |bytes| format_bytes(*bytes)),
            self.compile.memory.line("compile.memory", |bytes| format_bytes(*bytes)),
            self.compile.cpu.line("compile.cpu", |time| format_duration(*time)),
            self.compile.wall.line("compile.wall", |time| format_duration(*time)),
            self.compile.output.line("compile.output", |bytes| format_bytes(*bytes)),
            self.compile.input.line("compile.input", |bytes| format_bytes(*bytes)),
            self.log.level.line("log.level", ToString::to_string),
            self.log.format.line("log.format", ToString::to_string),
        ]
    }
}

fn config_file(options: &Options, environment: &Environment) -> Result<Setting<PathBuf>, ConfigError> {
    let at = |path: &Path| environment.working_directory.join(path);
    if let Some(path) = &options.config {
        return Ok(Setting { value: at(path), from: Provenance::Option("--config") });
    }
    if let Some(path) = environment.get("TIDEGATE_CONFIG") {
        return Ok(Setting { value: at(Path::new(path)), from: Provenance::Environment("TIDEGATE_CONFIG") });
    }
    let base = environment.base("XDG_CONFIG_HOME", ".config").ok_or(ConfigError::NoHome)?;
    Ok(Setting { value: base.join("tidegate/tidegate.toml"), from: Provenance::Default })
}

fn listen(
    options: &Options,
    environment: &Environment,
    file: Option<(Listen, tidegate_grant::Origin)>,
) -> Result<Setting<Listen>, ConfigError> {
    let parse = |text: &str, from: Provenance| {
        Listen::read(text, &environment.working_directory).map_err(|message| ConfigError::Value { from, message })
    };
    let option = match &options.listen {
        Some(text) => Some((parse(text, Provenance::Option("--listen"))?, "--listen")),
        None => None,
    };
    let variable = "TIDEGATE_LISTEN";
    let environment = match environment.get(variable) {
        Some(text) if option.is_none() => Some((parse(text, Provenance::Environment(variable))?, variable)),
        _ => None,
    };
    Ok(Given { option, environment, file }.or_default(Listen::standard))
}

/// What is missing where other machines can reach the host.
fn check_reachable(config: &Config) -> Result<(), ConfigError> {
    if config.listen.value.is_local() {
        return Ok(());
    }
    let tls = config.tls.value.is_none().then_some("a certificate, `[tls]` with `certificate` and `key`");
    let access = (!config.access.is_on())
        .then_some("a way for clients to prove who they are, `[access]` with `keys = true` or an `[[access.issuer]]`");
    let missing: Vec<&str> = tls.into_iter().chain(access).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let listen = &config.listen.value;
    let message = format!(
        "`{listen}` can be reached from other machines; that takes {} in the configuration file `{}`",
        missing.join(", and "),
        config.file.value.display()
    );
    Err(ConfigError::Value { from: config.listen.from.clone(), message })
}
