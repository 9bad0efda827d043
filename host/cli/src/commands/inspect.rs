//! `tidegate inspect`.

mod report;

use clap::Args;
use tidegate::bundle::Bundle;
use tidegate::{ComponentReport, Host, trust_root};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::native::NativeReport;
use crate::component::{Meant, find, loaded};
use crate::failure::{Blame as _, Exit, Result};
use crate::output;
use crate::settings::Settings;
use report::Report;

/// `tidegate inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A component file, or the name of a component. A file is verified as a host would; to list its tools, it is loaded
    /// for a moment, apart from the state directory, if signature and policy allow.
    #[arg(value_name = "COMPONENT")]
    component: String,
    #[command(flatten)]
    host: HostArgs,
}

impl Inspect {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let report = block_on(self.report(&settings))?;
        if json {
            output::json(&report)?
        } else {
            report.print()
        }
        Ok(Exit::Done)
    }

    async fn report(&self, settings: &Settings) -> Result<Report> {
        let found = match find(&settings.config, &self.component).await? {
            Meant::Loaded(loaded) => return Ok(Report::of_loaded(*loaded)),
            Meant::Found(found) => found,
        };
        let policy = settings.policy()?;
        policy.print_warnings();
        let verified = found.verify(&settings.config, &policy);
        let mut report = Report::of_bundle(&found.bundle, &verified);
        if let Ok(verified) = &verified {
            let (trust, layout) = (trust_root(&policy.policy).blame(Exit::Usage)?, settings.config.engine.layout.value);
            let native = found.native.iter().map(|file| NativeReport::new(verified, file.clone(), &trust, layout));
            report.native = native.collect();
        }
        let name = verified.as_ref().map(|verified| verified.reference().name.to_string()).unwrap_or_default();
        let running = match found.installed {
            true => loaded(&settings.config.state.value, &name).await?,
            false => None,
        };
        if let Some(running) = running {
            report.running = true;
            report.loaded = Some(running);
        } else if verified.is_ok() {
            match load_apart(settings, &found.bundle, found.receipt.as_deref()).await {
                Ok(loaded) => report.loaded = Some(loaded),
                Err(refusal) => report.load_refusal = Some(refusal.text()),
            }
        }
        Ok(report)
    }
}

/// Loads a component in a host of its own, whose state is gone afterwards: no lock and no version floor counts there.
pub(crate) async fn load_apart(
    settings: &Settings,
    bundle: &Bundle,
    receipt: Option<&[u8]>,
) -> Result<ComponentReport> {
    let policy = settings.policy()?;
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let paths = tidegate::StatePaths::open(&state)?;
    // A receipt counts only with the key that made it.
    let host_key = tidegate::StatePaths { root: settings.config.state.value.clone() }.host_key();
    if host_key.is_file() {
        std::fs::copy(host_key, paths.host_key())?;
    }
    let component = folder.path().join("component.wasm");
    std::fs::write(&component, bundle.bytes())?;
    let beside = |suffix| crate::commands::sign::with_suffix(&component, suffix);
    if let Some(signature) = bundle.signatures().first() {
        std::fs::write(beside(tidegate::source::SIGNATURE_SUFFIX), signature)?;
    }
    if let Some(receipt) = receipt {
        std::fs::write(beside(tidegate::source::RECEIPT_SUFFIX), receipt)?;
    }
    let builder = Host::builder(&state).policy(policy.policy).development(settings.config.development.value);
    let loaded = builder.build().await?.load(&component).await?;
    match (loaded.components.into_iter().next(), loaded.refused.into_iter().next()) {
        (Some(report), _) => Ok(report),
        (None, refused) => {
            let reason = refused.map(|refused| refused.reason).unwrap_or_default();
            Err(crate::failure::Failure::new(Exit::Refused, anyhow::anyhow!(reason)))
        }
    }
}
