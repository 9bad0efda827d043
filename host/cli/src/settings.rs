//! From arguments to configuration, policy and a host.

use std::sync::Arc;

use tidegate::{Builder, FileSink, Host, TraceSink};
use tidegate_config::{Config, Environment, Options};

use crate::args::HostArgs;
use crate::failure::{Blame as _, Exit, Result};
use crate::policy::{self, PolicyFiles};

/// Everything that is known before a host is built.
pub(crate) struct Settings {
    pub(crate) config: Config,
}

impl Settings {
    /// Reads configuration and environment, and starts the log.
    pub(crate) fn load(args: &HostArgs, quiet: bool) -> Result<Self> {
        Self::with(args.options(), quiet)
    }

    pub(crate) fn with(options: Options, quiet: bool) -> Result<Self> {
        let config = Config::load(&options, &Environment::of_process()).blame(Exit::Usage)?;
        crate::log::start(&config.log, quiet);
        Ok(Self { config })
    }

    /// Reads the policy.
    pub(crate) fn policy(&self) -> Result<PolicyFiles> {
        policy::read(&self.config.policy)
    }

    /// A builder for a host of this configuration.
    pub(crate) fn builder(&self, policy: PolicyFiles) -> Result<Builder> {
        let secrets = policy.secrets()?;
        let builder = Host::builder(&self.config.state.value)
            .policy(policy.policy)
            .development(self.config.development.value)
            .secrets(secrets);
        Ok(builder)
    }

    /// A host of this configuration, without components.
    pub(crate) async fn host(&self, policy: PolicyFiles) -> Result<Host> {
        // The directory is made first: the audit file is in it.
        let paths = tidegate::StatePaths::open(&self.config.state.value)?;
        let sink = FileSink::open(&paths.audit())?;
        let builder = self.builder(policy)?.audit(Arc::new(TraceSink)).audit(Arc::new(sink));
        Ok(builder.build().await?)
    }
}
