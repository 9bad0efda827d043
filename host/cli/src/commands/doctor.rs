//! `tidegate doctor`.

mod files;
mod finding;
mod machine;
mod policy;

use clap::Args;
use serde_json::json;
use tidegate_config::{Config, Environment};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Exit, Result};
use crate::output::{self, Style};
use finding::{Finding, Level};

/// `tidegate doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    host: HostArgs,
}

impl Doctor {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let config = Config::load(&self.host.options(), &Environment::of_process());
        let findings = match &config {
            Ok(config) => {
                crate::log::start(&config.log, true);
                block_on(async { Ok(examine(config).await) })?
            }
            Err(error) => {
                let mend = "correct it; what is said here stands in docs/cli.md";
                vec![Finding::bad("configuration", error.to_string(), mend)]
            }
        };
        let settings = config.as_ref().map(Config::lines).unwrap_or_default();
        let wrong = findings.iter().filter(|finding| finding.level == Level::Bad).count();
        if json {
            output::json(&json!({ "healthy": wrong == 0, "findings": findings, "settings": settings }))?;
        } else {
            findings.iter().for_each(Finding::print);
            let style = Style::stdout();
            output::line("");
            for setting in settings {
                output::line(style.dim(format_args!("{} = {} ({})", setting.key, setting.value, setting.from)));
            }
            output::line("");
            output::line(match wrong {
                0 => style.good("nothing is wrong"),
                1 => style.bad("1 thing is wrong"),
                wrong => style.bad(format_args!("{wrong} things are wrong")),
            });
        }
        Ok(if wrong == 0 { Exit::Done } else { Exit::Host })
    }
}

/// Looks at everything; what is missing and comes by itself is in order.
async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = files::state(config);
    findings.push(files::host_key(config));
    findings.extend(files::keys(config));
    findings.extend(policy::examine(config));
    let running = tidegate::ControlClient::connect(&config.state.value).await.is_some();
    findings.push(machine::address(config, running));
    findings.push(machine::databases(config, running).await);
    findings.extend(machine::engine().await);
    findings.push(machine::disk(config));
    findings.push(machine::clock(config));
    findings.push(machine::toolchain());
    findings
}
