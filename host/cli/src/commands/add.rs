//! `tidegate add`.

pub(crate) mod remote;

use std::path::{Path, PathBuf};

use clap::Args;
use tidegate::reference::ComponentName;
use tidegate_commands::add;

use self::remote::{Fetched, Wanted};
use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Exit, Result};
use crate::remote::{RemoteArgs, is_reference};
use crate::settings::Settings;

/// `tidegate add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Component files, each with its signature beside it; or what a registry has, `oci://HOST/NAME:VERSION`.
    #[arg(required = true, value_name = "X.wasm|oci://HOST/NAME:VERSION")]
    components: Vec<PathBuf>,
    /// Take components, named as `NAME:VERSION`, from this mirror: a folder, or where a web server has it.
    #[arg(long, value_name = "DIR|https://...")]
    mirror: Option<String>,
    /// The component's name, if its repository is called otherwise.
    #[arg(long, value_name = "NAME")]
    name: Option<ComponentName>,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    host: HostArgs,
}

impl Add {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        block_on(add::add(&self.components, &settings, json, async |path| self.fetch(&settings, path).await))
    }

    /// A file, or what is fetched and is a file then.
    async fn fetch(&self, settings: &Settings, path: &Path) -> Result<Fetched> {
        if self.mirror.is_none() && !is_reference(path) {
            return Ok(Fetched::here(path));
        }
        let what = path.to_str().unwrap_or_default();
        let wanted = Wanted { what, mirror: self.mirror.as_deref(), name: self.name.clone() };
        remote::fetch(settings, &self.remote, wanted).await
    }
}
