//! `tidegate remove`.

use clap::Args;
use tidegate_commands::remove;

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Exit, Result};
use crate::settings::Settings;

/// `tidegate remove`.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Names of components, as `tidegate list` shows them.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
}

impl Remove {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        block_on(remove::remove(&self.names, &settings, json))
    }
}
