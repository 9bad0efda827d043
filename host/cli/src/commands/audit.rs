//! `tidegate audit`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tidegate::lock::{Advisories, Lock, audit};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::lock::{current, existing};
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output::{self, Style};
use crate::settings::Settings;
use tidegate_commands::verify::read_file;

/// `tidegate audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Components known to be bad: a TOML file with digests, names and reasons.
    #[arg(long, value_name = "FILE")]
    advisories: Option<PathBuf>,
    /// Look at the lock alone, and load nothing.
    #[arg(long, conflicts_with = "components")]
    lock_only: bool,
    /// Where no host runs: also component files, or directories of them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Audit {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let advisories = match &self.advisories {
            Some(path) => {
                let text = String::from_utf8(read_file(path)?);
                let text = text.map_err(|_| fail!(Usage, "`{}` is no text", path.display()))?;
                Advisories::parse(&text).blame(Exit::Usage)?
            }
            None => Advisories::default(),
        };
        let lock = self.subject(&settings)?;
        let findings = audit(&lock, &advisories);
        if json {
            output::json(&json!({ "components": lock.components().len(), "findings": findings }))?;
        } else {
            let style = Style::stdout();
            findings.iter().for_each(|finding| output::line(format_args!("{} {finding}", style.bad("found:"))));
            let count = lock.components().len();
            output::line(match findings.len() {
                0 => style.good(format_args!("{count} components, nothing found")),
                found => style.bad(format_args!("{count} components, {found} things to look at")),
            });
        }
        Ok(if findings.is_empty() { Exit::Done } else { Exit::Refused })
    }

    fn subject(&self, settings: &Settings) -> Result<Lock> {
        if !self.lock_only {
            return block_on(current(settings, &self.components));
        }
        let path = &settings.config.lock.value;
        existing(path)?
            .ok_or_else(|| fail!(Usage, "there is no lock `{}`: make one with `tidegate lock`", path.display()))
    }
}
