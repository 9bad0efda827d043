//! `tidegate search`.

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tidegate_catalog::search;
use tidegate_reference::{OciReference, RegistryHost};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Blame as _, Exit, Result};
use crate::output::{self, Style, printable};
use crate::place::IndexedPlace;
use crate::remote::RemoteArgs;
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
        let (place, prefix) = self.place(&settings)?;
        let index = block_on(place.index(&settings))?;
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
            match hits.is_empty() {
                true => output::line("nothing found"),
                false if prefix.is_empty() => {
                    output::line(format_args!("add one:  tidegate add --mirror {} NAME:VERSION", place.key()));
                }
                false => {}
            }
        }
        Ok(if hits.is_empty() { Exit::NotFound } else { Exit::Done })
    }

    /// Where to look, and what stands before a name there.
    fn place(&self, settings: &Settings) -> Result<(IndexedPlace, String)> {
        let Some(host) = self.place.strip_prefix(OciReference::SCHEME) else {
            return Ok((IndexedPlace::mirror(settings, &self.remote, &self.place)?, String::new()));
        };
        let registry: RegistryHost = host.trim_end_matches('/').parse().blame(Exit::Usage)?;
        let client = Arc::new(self.remote.client(&settings.config, &registry)?);
        Ok((IndexedPlace::registry(client, &registry), format!("{}{registry}/", OciReference::SCHEME)))
    }
}
