//! `tidegate verify`.

use std::path::PathBuf;

use clap::Args;
use tidegate::attestation::{SigstoreRoot, TrustRoot, TrustedIdentity, TrustedSigner};
use tidegate_commands::verify::{self, ROLES, read_file, trust_of_key, trust_of_policy};

use crate::args::HostArgs;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::settings::Settings;

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
        let trust = self.trust()?;
        verify::Verify { trust, statements: self.statement, components: self.components }.run(json)
    }

    /// The one key or identity that was named, or the signers of the policy.
    fn trust(&self) -> Result<TrustRoot> {
        match (&self.identity, &self.key) {
            (Some(identity), _) => self.identity(identity),
            (None, Some(key)) => trust_of_key(key),
            (None, None) => trust_of_policy(&Settings::load(&self.host, true)?),
        }
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
}
