//! `tidegate access`: keys that clients show.

use clap::{Args, Subcommand};
use tidegate_commands::access;

use crate::args::HostArgs;
use crate::failure::{Exit, Result};
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
            Self::AddKey(AddKey { name, tenant, tools, host }) => {
                access::AddKey { name, tenant, tools }.run(&Settings::load(&host, true)?, json)
            }
            Self::List(list) => access::list(&Settings::load(&list.host, true)?, json),
            Self::Remove(remove) => access::remove(&remove.name, &Settings::load(&remove.host, true)?, json),
        }
    }
}
