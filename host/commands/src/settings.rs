//! From arguments to configuration, policy and a host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidegate::bundle::CodeTarget;
use tidegate::{Builder, Code, CompileLimits, FileSink, Host, Record, Sink, TraceSink};
use tidegate_config::{Config, Environment, LogFormat, Options};

use crate::failure::{Blame as _, Exit, Result};
use crate::policy::{self, PolicyFiles};

/// Everything that is known before a host is built.
pub struct Settings {
    /// The configuration.
    pub config: Config,
    /// Audit events reach the log.
    pub audit_log: Arc<AuditLog>,
}

/// Writes audit events to the log, once it is switched on: what a command or a start does is told in its own words.
#[derive(Debug, Default)]
pub struct AuditLog {
    on: AtomicBool,
}

impl Settings {
    /// Reads configuration and environment, and starts the log. `quiet`: for commands that end at once.
    ///
    /// # Errors
    /// The configuration has mistakes.
    pub fn load(options: impl Into<Options>, quiet: bool) -> Result<Self> {
        let config = Config::load(&options.into(), &Environment::of_process()).blame(Exit::Usage)?;
        crate::log::start(&config.log, quiet);
        let audit_log = Arc::new(AuditLog::default());
        if config.log.format.value == LogFormat::Json {
            audit_log.start();
        }
        Ok(Self { config, audit_log })
    }

    /// The same for a host without a compiler.
    #[must_use]
    pub fn without_compiler(mut self) -> Self {
        self.config.engine.compile.value = false;
        self
    }

    /// Reads the policy.
    ///
    /// # Errors
    /// It has mistakes, or cannot be read.
    pub fn policy(&self) -> Result<PolicyFiles> {
        policy::read(&self.config)
    }

    /// What native code must be for, on a node that does not compile.
    #[must_use]
    pub fn native(&self) -> Option<CodeTarget> {
        let engine = &self.config.engine;
        (!engine.compile.value).then(|| engine.code.value.target())
    }

    /// Bounds on compiling one component.
    #[must_use]
    pub fn compile_limits(&self) -> CompileLimits {
        let compile = &self.config.compile;
        CompileLimits {
            memory: compile.memory.value,
            cpu: compile.cpu.value,
            wall: compile.wall.value,
            output: compile.output.value,
            input: compile.input.value,
        }
    }

    /// A builder for a host of this configuration.
    ///
    /// # Errors
    /// A secret cannot be read.
    pub fn builder(&self, policy: PolicyFiles) -> Result<Builder> {
        let secrets = policy.secrets()?;
        let mut builder = Host::builder(&self.config.state.value);
        if let Some(file) = &self.config.seal_key.value {
            builder = builder.seal_key(file.clone());
        }
        let builder = builder
            .compile_limits(self.compile_limits())
            .code(Code {
                target: self.config.engine.code.value.target(),
                compile: self.config.engine.compile.value,
                layout: self.config.engine.layout.value,
            })
            .models_memory(self.config.models_memory.value)
            .policy(policy.policy)
            .development(self.config.development.value)
            .secrets(secrets);
        Ok(builder)
    }

    /// The same, letting in only what the lock approves, if that is wanted.
    ///
    /// # Errors
    /// The lock cannot be read, or a secret.
    pub fn locked_builder(&self, policy: PolicyFiles) -> Result<Builder> {
        let builder = self.builder(policy)?;
        if !self.config.locked.value {
            return Ok(builder);
        }
        // A lock that is missing or damaged is told before anything else.
        let lock = &self.config.lock.value;
        tidegate::read_lock(lock).blame(Exit::Usage)?;
        Ok(builder.locked_by(lock.clone()))
    }

    /// A host of this configuration, without components.
    ///
    /// # Errors
    /// It cannot be built.
    pub async fn host(&self, policy: PolicyFiles) -> Result<Host> {
        // The directory is made first: the audit file is in it.
        let paths = tidegate::StatePaths::open(&self.config.state.value)?;
        let sink = FileSink::open(&paths.audit())?;
        let builder = self.locked_builder(policy)?.audit(self.audit_log.clone()).audit(Arc::new(sink));
        Ok(builder.build().await?)
    }
}

impl AuditLog {
    /// From here on.
    pub fn start(&self) {
        self.on.store(true, Ordering::Relaxed);
    }
}

impl Sink for AuditLog {
    fn write(&self, record: &Record) {
        if self.on.load(Ordering::Relaxed) {
            TraceSink.write(record);
        }
    }
}
