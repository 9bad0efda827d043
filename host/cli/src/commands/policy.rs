//! `tidegate policy`.

mod client;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use tidegate::rules::{Explanation, Subject, explain};
use tidegate_config::{PolicyFileError, Provenance, Setting, read_policy};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::component::{Found, Meant, find};
use crate::failure::{Blame as _, Exit, Failure, Result};
use crate::output::{self, Style};
use crate::policy::PolicyFiles;
use crate::settings::Settings;

/// `tidegate policy ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Shows what a component is granted and refused, or what a client may use, and by which lines.
    Explain(Explain),
    /// Reads policy files and names every problem with line and column.
    Check(Check),
}

/// `tidegate policy explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A component file, or the name of a component.
    #[arg(value_name = "COMPONENT", required_unless_present = "client")]
    component: Option<String>,
    /// As if this signer of the policy had signed it.
    #[arg(long, value_name = "NAME")]
    signer: Option<String>,
    #[command(flatten)]
    client: client::Client,
    #[command(flatten)]
    host: HostArgs,
}

/// `tidegate policy check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Policy files, read as one policy [default: those of the configuration].
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Policy {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        match self {
            Self::Explain(explain) => explain.run(json),
            Self::Check(check) => check.run(json),
        }
    }
}

/// Stands for a signer that is not known, as other words in capital letters stand for what a person must write.
const NOBODY: &str = "SIGNER";

impl Explain {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let policy = settings.policy()?;
        policy.print_warnings();
        let Some(component) = self.component.as_deref() else { return self.client(&policy, json) };
        let (explanation, refusal) = match block_on(find(&settings.config, component))? {
            Meant::Found(found) => self.found(component, &found, &settings, &policy)?,
            Meant::Loaded(report) => {
                let imports: Vec<_> = report.imports.iter().map(|import| import.name.clone()).collect();
                let signer = self.signer.as_deref().unwrap_or(&report.signer.name);
                let requests = report.requests.as_ref();
                let subject = Subject { signer, component: &report.name, imports: &imports, requests };
                (explain(&policy.policy, &subject), None)
            }
        };
        if json {
            output::json(&json!({
                "signature-refusal": refusal.as_ref().map(Failure::text),
                "explanation": explanation,
            }))?;
        } else {
            if let Some(refusal) = &refusal {
                eprintln!("{} {}", Style::stderr().bad("refused:"), refusal.text());
            }
            output::line(explanation.to_string().trim_end());
        }
        Ok(if refusal.is_some() || !explanation.may_load { Exit::Refused } else { Exit::Done })
    }

    /// What a client may use.
    fn client(&self, policy: &PolicyFiles, json: bool) -> Result<Exit> {
        let decision = self.client.explain(&policy.policy)?;
        let Some(decision) = decision else {
            return Err(crate::failure::fail!(Usage, "name a component, or `--client`"));
        };
        let refusal = decision.as_ref().err().map(ToString::to_string);
        if json {
            output::json(&json!({ "refusal": refusal, "admission": decision.as_ref().ok() }))?;
        } else {
            match &decision {
                Ok(admission) => output::line(admission.to_string().trim_end()),
                Err(error) => output::line(format_args!("{} {error}", Style::stdout().bad("not let in:"))),
            }
        }
        Ok(if refusal.is_some() { Exit::Refused } else { Exit::Done })
    }

    /// The explanation for a file or an installed component, and why its signature does not count, if it does not.
    fn found(
        &self,
        component: &str,
        found: &Found,
        settings: &Settings,
        policy: &PolicyFiles,
    ) -> Result<(Explanation, Option<Failure>)> {
        let bundle = &found.bundle;
        let verified = match &self.signer {
            Some(_) => None,
            None => Some(found.verify(&settings.config, policy)),
        };
        let (verified, refusal) = match verified {
            Some(Ok(verified)) => (Some(verified), None),
            Some(Err(failure)) if failure.exit() == Exit::Refused => (None, Some(failure)),
            Some(Err(failure)) => return Err(failure),
            None => (None, None),
        };
        let name = match (&verified, bundle.manifest()) {
            (Some(verified), _) => verified.reference().name.to_string(),
            (None, Some(manifest)) => manifest.name.to_string(),
            (None, None) => stem(component),
        };
        let signer = match (&self.signer, &verified) {
            (Some(signer), _) => signer.as_str(),
            (None, Some(verified)) => verified.signer().name().unwrap_or(tidegate::rules::LOCAL_BUILD),
            (None, None) => NOBODY,
        };
        let requests = bundle.manifest().map(|manifest| &manifest.requests);
        let subject = Subject { signer, component: &name, imports: bundle.imports(), requests };
        Ok((explain(&policy.policy, &subject), refusal))
    }
}

impl Check {
    fn run(self, json: bool) -> Result<Exit> {
        let config = Settings::load(&self.host, true)?.config;
        let files = match self.files.is_empty() {
            true => config.policy,
            false => Setting { value: self.files, from: Provenance::Option("FILE") },
        };
        let (policy, problems) = match read_policy(&files.value, config.trusted_root.value.as_deref()) {
            Ok(policy) => (policy, Vec::new()),
            Err(PolicyFileError::Policy(error)) => (tidegate::rules::Policy::default(), error.problems),
            Err(error @ PolicyFileError::Read { .. }) => return Err(error).blame(Exit::NotFound),
            Err(error) => return Err(error).blame(Exit::Usage),
        };
        if json {
            output::json(&json!({ "problems": problems, "warnings": policy.warnings }))?;
        } else {
            let style = Style::stderr();
            problems.iter().for_each(|problem| eprintln!("{} {problem}", style.bad("error:")));
            policy.warnings.iter().for_each(|warning| eprintln!("{} {warning}", style.warn("warning:")));
        }
        if !problems.is_empty() {
            return Ok(Exit::Usage);
        }
        // The keys are read by now; whether they are keys shows here.
        tidegate::trust_root(&policy).blame(Exit::Usage)?;
        if !json {
            let shown: Vec<_> = files.value.iter().map(|file| file.display().to_string()).collect();
            let (signers, grants, clients) = (policy.signers.len(), policy.rules.len(), policy.clients.len());
            let shown = shown.join(", ");
            output::line(format_args!("{shown}: in order; {signers} signers, {grants} grants, {clients} clients"));
        }
        Ok(Exit::Done)
    }
}

/// A file's name without folders and extension.
fn stem(path: &str) -> String {
    let stem = std::path::Path::new(path).file_stem();
    stem.unwrap_or_default().to_string_lossy().into_owned()
}
