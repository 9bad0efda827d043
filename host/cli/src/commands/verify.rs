//! `tidegate verify`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tidegate::SignerReport;
use tidegate::attestation::{
    self, Claimed, Role, SigstoreRoot, TrustRoot, TrustedIdentity, TrustedSigner, VerifiedBundle, verify_claim,
};
use tidegate::bundle::{Bundle, ClaimKind, CodeTarget};

use crate::args::HostArgs;
use crate::commands::key::public_key;
use crate::commands::native::NativeReport;
use crate::commands::sign::read_sourced;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output::{self, Style, printable};
use crate::settings::Settings;

/// Largest file that is read here, in bytes: a trusted root may have one MiB. One more, so that the check sees it.
const MAX_FILE: u64 = (1 << 20) + 1;

/// What one who was named on the command line is believed in: whoever asks wants to know what that one signed.
const ROLES: [Role; 2] = [Role::Component, Role::NativeCode];

/// `tidegate verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Believe this public key, and nobody of the policy.
    #[arg(long, value_name = "FILE", conflicts_with = "policy")]
    key: Option<PathBuf>,
    /// Believe this name in a certificate, and nobody of the policy: an e-mail address or a URI, compared whole.
    #[arg(long, value_name = "NAME", requires = "issuer", conflicts_with_all = ["policy", "key"])]
    identity: Option<String>,
    /// Who must vouch for that name, compared whole: the address of a provider.
    #[arg(long, value_name = "URL", requires = "identity")]
    issuer: Option<String>,
    /// The authorities that may certify it: a `trusted_root.json` [default: `trusted-root` of the configuration file].
    #[arg(long, value_name = "FILE", requires = "identity")]
    trusted_root: Option<PathBuf>,
    /// Verify a signed statement about the component (provenance, bill of materials) as well.
    #[arg(long, value_name = "FILE")]
    statement: Vec<PathBuf>,
    /// Component files.
    #[arg(required = true, value_name = "X.wasm")]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Verify {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        if self.components.len() > 1 && !self.statement.is_empty() {
            return Err(fail!(Usage, "`--statement` is about one component: verify them one by one"));
        }
        let trust = self.trust()?;
        let mut exit = Exit::Done;
        let mut reports = Vec::new();
        for path in &self.components {
            let sourced = read_sourced(path, &CodeTarget::ALL);
            let checked = sourced.and_then(|sourced| Ok((self.verify(sourced.bundle, &trust)?, sourced.native)));
            match checked {
                Ok(((verified, claims), native)) => {
                    let native = native.into_iter().map(|file| NativeReport::new(&verified, file, &trust, None));
                    let native: Vec<_> = native.collect();
                    if native.iter().any(NativeReport::is_refused) {
                        exit = exit.or(Exit::Refused);
                    }
                    if json {
                        reports.push(report(&verified, &claims, &native));
                        continue;
                    }
                    let style = Style::stdout();
                    let reference = verified.reference();
                    output::line(format_args!(
                        "{} {reference}, signed by {}",
                        style.good("verified"),
                        printable(&verified.signer().to_string())
                    ));
                    output::line(format_args!("  {}  {}", verified.digest(), path.display()));
                    for claimed in &claims {
                        let by = printable(&claimed.signer.to_string());
                        output::line(format_args!("  {}, says {by}", printable(&said(claimed))));
                    }
                    native.iter().for_each(|native| native.print(style));
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
        if let Some(identity) = &self.identity {
            return self.identity(identity);
        }
        let Some(path) = &self.key else {
            let policy = Settings::load(&self.host, true)?.policy()?;
            policy.print_warnings();
            return tidegate::trust_root(&policy.policy).blame(Exit::Usage);
        };
        let signer = TrustedSigner {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            keys: vec![public_key(path)?],
            identities: Vec::new(),
            roles: ROLES.to_vec(),
        };
        TrustRoot::new(vec![signer]).blame(Exit::Usage)
    }

    /// The one identity that was named.
    fn identity(&self, identity: &str) -> Result<TrustRoot> {
        let path = match &self.trusted_root {
            Some(path) => path.clone(),
            None => Settings::load(&self.host, true)?.config.trusted_root.value.ok_or_else(|| {
                fail!(
                    Usage,
                    "nothing says which authorities certify identities: name them with `--trusted-root FILE`, or set \
                     `trusted-root` in the configuration file"
                )
            })?,
        };
        let json = read_file(&path)?;
        let root = SigstoreRoot::from_json(&json).blame(Exit::Usage)?;
        let issuer = self.issuer.clone().unwrap_or_default();
        let signer = TrustedSigner {
            name: identity.to_owned(),
            keys: Vec::new(),
            identities: vec![TrustedIdentity { identity: identity.to_owned(), issuer, root }],
            roles: ROLES.to_vec(),
        };
        TrustRoot::new(vec![signer]).blame(Exit::Usage)
    }

    /// The signature, and every statement that was named.
    fn verify(&self, bundle: Bundle, trust: &TrustRoot) -> Result<(VerifiedBundle, Vec<Claimed>)> {
        let verified = attestation::verify(bundle, trust).blame(Exit::Refused)?;
        let label = verified.bundle().label();
        let mut claims = Vec::new();
        for path in &self.statement {
            let file = read_file(path)?;
            let claimed = verify_claim(&label, verified.digest(), &file, trust);
            claims.push(claimed.with_context(|| format!("`{}`", path.display())).blame(Exit::Refused)?);
        }
        Ok((verified, claims))
    }
}

/// A file that somebody named, within the bounds of any file here.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(fail!(NotFound, "there is no file `{}`", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())).blame(Exit::Host),
        Ok(_) => Ok(bytes),
    }
}

/// What a statement says, in a line.
fn said(claimed: &Claimed) -> String {
    match &claimed.claim.kind {
        ClaimKind::Provenance { builder, build_type } => format!("built by {builder} ({build_type})"),
        ClaimKind::Spdx => "has a bill of materials (SPDX)".to_owned(),
        ClaimKind::CycloneDx => "has a bill of materials (CycloneDX)".to_owned(),
        ClaimKind::Index => "is an index".to_owned(),
        other => format!("{other:?}"),
    }
}

fn report(verified: &VerifiedBundle, claims: &[Claimed], native: &[NativeReport]) -> serde_json::Value {
    let statements =
        claims.iter().map(|claimed| json!({ "says": said(claimed), "signer": SignerReport::new(&claimed.signer) }));
    json!({
        "component": verified.bundle().origin(),
        "reference": verified.reference().to_string(),
        "digest": verified.digest().to_string(),
        "signer": SignerReport::new(verified.signer()),
        "statements": statements.collect::<Vec<_>>(),
        "native": native,
    })
}
