//! `tidegate verify`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tidegate::attestation::{self, Role, Signer, TrustRoot, TrustedSigner, VerifiedBundle};

use crate::args::HostArgs;
use crate::commands::key::public_key;
use crate::commands::sign::read_bundle;
use crate::failure::{Blame as _, Exit, Result};
use crate::output::{self, Style};
use crate::settings::Settings;

/// `tidegate verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Believe this public key, and nobody of the policy.
    #[arg(long, value_name = "FILE", conflicts_with = "policy")]
    key: Option<PathBuf>,
    /// Component files.
    #[arg(required = true, value_name = "X.wasm")]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Verify {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let trust = self.trust()?;
        let mut exit = Exit::Done;
        let mut reports = Vec::new();
        for path in &self.components {
            let verified =
                read_bundle(path).and_then(|bundle| attestation::verify(bundle, &trust).blame(Exit::Refused));
            match verified {
                Ok(verified) if json => reports.push(report(&verified)),
                Ok(verified) => {
                    let style = Style::stdout();
                    let reference = verified.reference();
                    output::line(format_args!(
                        "{} {reference}, signed by {}",
                        style.good("verified"),
                        verified.signer()
                    ));
                    output::line(format_args!("  {}  {}", verified.digest(), path.display()));
                }
                Err(failure) => {
                    failure.print(json);
                    exit = exit.or(failure.exit());
                }
            }
        }
        if json {
            output::json(&json!({ "verified": reports }))?;
        }
        Ok(exit)
    }

    /// The one key that was named, or the signers of the policy.
    fn trust(&self) -> Result<TrustRoot> {
        let Some(path) = &self.key else {
            let policy = Settings::load(&self.host, true)?.policy()?;
            policy.print_warnings();
            return tidegate::trust_root(&policy.policy).blame(Exit::Usage);
        };
        let signer = TrustedSigner {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            keys: vec![public_key(path)?],
            roles: vec![Role::Component],
        };
        TrustRoot::new(vec![signer]).blame(Exit::Usage)
    }
}

fn report(verified: &VerifiedBundle) -> serde_json::Value {
    let fingerprint = match verified.signer() {
        Signer::PinnedKey { fingerprint, .. } => Some(fingerprint),
        Signer::LocalBuild => None,
    };
    json!({
        "component": verified.bundle().origin(),
        "reference": verified.reference().to_string(),
        "digest": verified.digest().to_string(),
        "signer": { "name": verified.signer().name(), "fingerprint": fingerprint },
    })
}
