//! `tidegate verify`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use tidegate::SignerReport;
use tidegate::attestation::{self, Claimed, Role, TrustRoot, TrustedSigner, VerifiedBundle, verify_claim};
use tidegate::bundle::{Bundle, ClaimKind, CodeTarget};
use tidegate::source::{ReadError, Sourced, read_component};

use crate::failure::{Blame as _, Exit, Result, fail};
use crate::keys::public_key;
use crate::native::NativeReport;
use crate::output::{self, Style, printable};
use crate::settings::Settings;

/// Largest file that is read here, in bytes: a trusted root may have one MiB. One more, so that the check sees it.
const MAX_FILE: u64 = (1 << 20) + 1;

/// What one who was named on the command line is believed in: whoever asks wants to know what that one signed.
pub const ROLES: [Role; 3] = [Role::Component, Role::NativeCode, Role::Model];

/// Components to verify, and whom to believe.
#[derive(Debug)]
pub struct Verify {
    /// Whom to believe.
    pub trust: TrustRoot,
    /// Signed statements about the component (provenance, bill of materials), to be verified as well.
    pub statements: Vec<PathBuf>,
    /// Component files.
    pub components: Vec<PathBuf>,
}

/// Believes this public key, and nobody else.
///
/// # Errors
/// It is no key.
pub fn trust_of_key(path: &Path) -> Result<TrustRoot> {
    let signer = TrustedSigner {
        name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        keys: vec![public_key(path)?],
        identities: Vec::new(),
        roles: ROLES.to_vec(),
    };
    TrustRoot::new(vec![signer]).blame(Exit::Usage)
}

/// Believes the signers of the policy.
///
/// # Errors
/// The policy has mistakes, or a signer of it cannot be believed.
pub fn trust_of_policy(settings: &Settings) -> Result<TrustRoot> {
    let policy = settings.policy()?;
    policy.print_warnings();
    tidegate::trust_root(&policy.policy).blame(Exit::Usage)
}

impl Verify {
    /// Verifies all of them, without running anything.
    ///
    /// # Errors
    /// Standard output cannot be written. What is refused is told, and counts in the exit code.
    pub fn run(self, json: bool) -> Result<Exit> {
        if self.components.len() > 1 && !self.statements.is_empty() {
            return Err(fail!(Usage, "`--statement` is about one component: verify them one by one"));
        }
        let trust = &self.trust;
        let mut exit = Exit::Done;
        let mut reports = Vec::new();
        for path in &self.components {
            let sourced = read_sourced(path, &CodeTarget::ALL);
            let checked = sourced.and_then(|sourced| Ok((self.verify(sourced.bundle, trust)?, sourced.native)));
            match checked {
                Ok(((verified, claims), native)) => {
                    let native = native.into_iter().map(|file| NativeReport::new(&verified, file, trust, None));
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

    /// The signature, and every statement that was named.
    fn verify(&self, bundle: Bundle, trust: &TrustRoot) -> Result<(VerifiedBundle, Vec<Claimed>)> {
        let verified = attestation::verify(bundle, trust).blame(Exit::Refused)?;
        let label = verified.bundle().label();
        let mut claims = Vec::new();
        for path in &self.statements {
            let file = read_file(path)?;
            let claimed = verify_claim(&label, verified.digest(), &file, trust);
            claims.push(claimed.with_context(|| format!("`{}`", path.display())).blame(Exit::Refused)?);
        }
        Ok((verified, claims))
    }
}

/// A file that somebody named, within the bounds of any file here.
///
/// # Errors
/// It is not there, or cannot be read.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
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

/// A component file with what lies beside it; only what is missing is blamed on whoever typed.
///
/// # Errors
/// It is not there, or no component.
pub fn read_bundle(path: &Path) -> Result<Bundle> {
    Ok(read_sourced(path, &[])?.bundle)
}

/// The same, with its native code for these targets.
///
/// # Errors
/// It is not there, or no component.
pub fn read_sourced(path: &Path, native: &[CodeTarget]) -> Result<Sourced> {
    match read_component(path, native) {
        Ok(sourced) => Ok(sourced),
        Err(error @ ReadError::NotThere(_)) => Err(error).blame(Exit::NotFound),
        Err(error) => Err(error).blame(Exit::Usage),
    }
}
