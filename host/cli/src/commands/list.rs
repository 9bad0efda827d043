//! `tidegate list`.

use std::path::PathBuf;

use clap::Args;
use tidegate_commands::list;

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Exit, Result};
use crate::settings::Settings;

/// `tidegate list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Where no host runs: also component files, or directories of them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl List {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        block_on(list::show(&self.components, &settings, json))
    }
}
