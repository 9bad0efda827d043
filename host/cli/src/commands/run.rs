//! `tidegate run`.

use std::path::PathBuf;

use clap::Args;
use tidegate_commands::run;

use crate::args::HostArgs;
use crate::failure::{Exit, Result};
use crate::settings::Settings;

/// `tidegate run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Address and port to serve on, or `unix:/PATH`; port 0 takes a free one [default: 127.0.0.1:8765].
    #[arg(long, value_name = "ADDRESS", conflicts_with = "stdio")]
    pub(crate) listen: Option<String>,
    /// Component files, or directories of them, beside those that were added with `tidegate add`.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) components: Vec<PathBuf>,
    /// Serve one client over standard input and output, and end with it.
    #[arg(long)]
    pub(crate) stdio: bool,
    /// Which protocol component serves standard input and output, if several can.
    #[arg(long, value_name = "NAME", requires = "stdio")]
    pub(crate) protocol: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

impl Run {
    pub(crate) fn run(self, _json: bool) -> Result<Exit> {
        let options = tidegate_config::Options { listen: self.listen, ..self.host.options() };
        let settings = Settings::load(options, false)?;
        run::Run { components: self.components, stdio: self.stdio, protocol: self.protocol }.run(settings)
    }
}
