//! `tidegate access`: keys that clients show.

use clap::{Args, Subcommand};
use serde_json::json;
use tidegate::StatePaths;
use tidegate::access::{KeyFile, KeyFileError};
use tidegate_config::Config;

use crate::args::HostArgs;
use crate::failure::{Blame as _, Exit, Result};
use crate::output::{self, Style};
use crate::settings::Settings;

/// `tidegate access ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    /// Makes a key for a client and prints it, once.
    AddKey(AddKey),
    /// Lists the keys there are, without their secrets.
    List(List),
    /// Takes a key away; it opens nothing from then on, in a running host too.
    Remove(Remove),
}

/// `tidegate access add-key`.
#[derive(Debug, Args)]
pub(crate) struct AddKey {
    /// Who will have it: letters, digits, `-`, `_` and `.`.
    #[arg(value_name = "NAME")]
    name: String,
    /// The tenant in the policy lines that are shown.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// The tools in the policy lines that are shown: `COMPONENT/TOOL`, with `*` for any text.
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    tools: Vec<tidegate::grant::Pattern>,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate access list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate access remove`.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The key's name, as `tidegate access list` shows it.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    host: HostArgs,
}

impl Access {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        match self {
            Self::AddKey(add) => add.run(json),
            Self::List(list) => list.run(json),
            Self::Remove(remove) => remove.run(json),
        }
    }
}

impl AddKey {
    fn run(self, json: bool) -> Result<Exit> {
        let config = Settings::load(&self.host, true)?.config;
        let secret = blame(keys(&config)?.add(&self.name))?;
        let lines = self.lines();
        if json {
            output::json(&json!({ "name": self.name, "key": secret, "policy": lines }))?;
            return Ok(Exit::Done);
        }
        output::line(secret);
        let style = Style::stderr();
        eprintln!(
            "\n{} nobody can show it again; clients send it as `Authorization: Bearer ...`",
            style.warn("keep it:")
        );
        if !config.access.keys.value {
            eprintln!(
                "\nkeys count once the configuration `{}` says so:\n  [access]\n  keys = true",
                config.file.value.display()
            );
        }
        eprintln!("\na policy file says what its holder may use:");
        lines.lines().for_each(|line| eprintln!("  {line}"));
        Ok(Exit::Done)
    }

    fn lines(&self) -> String {
        let tools: Vec<_> = self.tools.iter().map(|pattern| format!("\"{pattern}\"")).collect();
        let tenant = self.tenant.as_ref().map_or_else(String::new, |tenant| format!("tenant = \"{tenant}\"\n"));
        format!("[[client]]\nkey = \"{}\"\n{tenant}tools = [{}]\n", self.name, tools.join(", "))
    }
}

impl List {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let keys = blame(keys(&settings.config)?.list())?;
        let policy = settings.policy()?.policy;
        let admitted = |name: &str| {
            tidegate::rules::admit(&policy, &tidegate::rules::Identity::Key { name }).map_err(|error| error.to_string())
        };
        if json {
            let keys: Vec<_> = keys
                .iter()
                .map(|key| json!({ "name": key.name, "created": key.created, "may": admitted(&key.name).ok() }))
                .collect();
            output::json(&json!({ "keys": keys }))?;
            return Ok(Exit::Done);
        }
        if keys.is_empty() {
            output::line("no keys: make one with `tidegate access add-key NAME`");
        }
        for key in keys.iter() {
            match admitted(&key.name) {
                Ok(admission) => output::line(admission.to_string().trim_end()),
                Err(why) => {
                    output::line(format_args!("key:{}\n  {} {why}", key.name, Style::stdout().warn("not let in:")))
                }
            }
        }
        Ok(Exit::Done)
    }
}

impl Remove {
    fn run(self, json: bool) -> Result<Exit> {
        let config = Settings::load(&self.host, true)?.config;
        blame(keys(&config)?.remove(&self.name))?;
        if json {
            output::json(&json!({ "removed": [self.name] }))?;
        } else {
            output::line(format_args!("removed {}: it opens nothing any more", self.name));
        }
        Ok(Exit::Done)
    }
}

fn keys(config: &Config) -> Result<KeyFile> {
    Ok(KeyFile::new(StatePaths::open(&config.state.value)?.access_keys()))
}

fn blame<T>(result: Result<T, KeyFileError>) -> Result<T> {
    let exit = match &result {
        Err(KeyFileError::Absent(_)) => Exit::NotFound,
        Err(KeyFileError::Name(_) | KeyFileError::Present(_) | KeyFileError::Full) => Exit::Usage,
        _ => Exit::Host,
    };
    result.blame(exit)
}
