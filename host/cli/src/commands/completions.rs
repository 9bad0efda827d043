//! `tidegate completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::{Exit, Result};

/// `tidegate completions`.
#[derive(Debug, Args)]
#[command(after_help = "For example: tidegate completions bash > ~/.local/share/bash-completion/completions/tidegate")]
pub(crate) struct Completions {
    /// The shell that reads it.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "tidegate", &mut script);
        crate::output::line(String::from_utf8_lossy(&script).trim_end());
        Ok(Exit::Done)
    }
}
