//! `tidegate search`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::json;
use tidegate_catalog::{Index, search};
use tidegate_reference::{OciReference, RegistryHost};
use tidegate_source_oci::Mirror;

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Blame as _, Exit, Result};
use crate::output::{self, Style, printable};
use crate::remote::{RemoteArgs, pull_failure};
use crate::settings::Settings;

/// `tidegate search`.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Words that stand in name or description; without, everything is listed.
    query: Vec<String>,
    /// Where to look: `oci://HOST`, the folder of a mirror, or the address of one that a web server has.
    #[arg(long = "in", value_name = "oci://HOST|DIR|https://...")]
    place: String,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    host: HostArgs,
}

impl Search {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let (bytes, prefix) = self.fetch(&settings)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let index = Index::parse(&bytes, now).blame(Exit::Usage)?;
        let hits = search(&index, &self.query.join(" "));
        if json {
            let found: Vec<_> = hits
                .iter()
                .map(|hit| {
                    json!({
                        "name": hit.name,
                        "version": hit.latest.version,
                        "digest": hit.latest.digest,
                        "signer": hit.latest.signer,
                        "description": hit.latest.description,
                        "reference": format!("{prefix}{}:{}", hit.name, hit.latest.version),
                    })
                })
                .collect();
            output::json(&json!({ "found": found }))?;
        } else {
            let style = Style::stdout();
            for hit in &hits {
                output::line(format_args!("{prefix}{}:{}", style.strong(hit.name), hit.latest.version));
                if let Some(description) = &hit.latest.description {
                    output::line(format_args!("  {}", printable(description)));
                }
            }
            if hits.is_empty() {
                output::line("nothing found");
            }
        }
        Ok(if hits.is_empty() { Exit::NotFound } else { Exit::Done })
    }

    /// The index, and what stands before a name there.
    fn fetch(&self, settings: &Settings) -> Result<(Vec<u8>, String)> {
        if let Some(host) = self.place.strip_prefix(OciReference::SCHEME) {
            let registry: RegistryHost = host.trim_end_matches('/').parse().blame(Exit::Usage)?;
            let client = self.remote.client(&settings.config, &registry)?;
            let bytes = block_on(async { client.index(&registry).await.map_err(pull_failure) })?;
            return Ok((bytes.to_vec(), format!("{}{registry}/", OciReference::SCHEME)));
        }
        if self.place.starts_with("https://") || self.place.starts_with("http://") {
            let host = self.place.split('/').nth(2).unwrap_or_default();
            let registry: RegistryHost = host.parse().blame(Exit::Usage)?;
            let client = self.remote.client(&settings.config, &registry)?;
            let bytes = block_on(async { client.index_at(&self.place).await.map_err(pull_failure) })?;
            return Ok((bytes.to_vec(), String::new()));
        }
        let bytes = Mirror::at(Path::new(&self.place)).index().blame(Exit::NotFound)?;
        Ok((bytes, String::new()))
    }
}
