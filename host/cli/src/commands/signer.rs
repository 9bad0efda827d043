//! Who signs: a key of this machine, or whoever a token names.

use std::path::PathBuf;

use clap::Args;
use tidegate::attestation::{self, PrivateKey};
use tidegate_keyless::{KeylessError, Services};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::key::signing_key;
use crate::commands::verify::read_file;
use crate::failure::{Blame as _, Exit, Failure, Result, fail};

/// Who signs.
#[derive(Debug, Default, Args)]
pub(crate) struct SignerArgs {
    /// The private key [default: default.key in the key directory].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Sign as whom this token names, with a key for this one signature: a JWT of an OpenID Connect provider.
    #[arg(long, value_name = "FILE", requires = "signing_config", conflicts_with = "key")]
    identity_token_file: Option<PathBuf>,
    /// The services for that: certificate authority, transparency log, time authority (a `signing_config.json`).
    #[arg(long, value_name = "FILE", requires = "identity_token_file")]
    signing_config: Option<PathBuf>,
}

/// What makes a signature.
pub(crate) enum Signer {
    /// A key.
    Key(Box<PrivateKey>),
    /// Services, and the token of who signs.
    Services(Services, String),
}

/// A signature file.
pub(crate) struct Signed {
    pub(crate) file: Vec<u8>,
    /// Of the key, if a key signed.
    pub(crate) fingerprint: Option<String>,
}

impl SignerArgs {
    /// Whether somebody said who signs.
    pub(crate) fn is_given(&self) -> bool {
        self.key.is_some() || self.identity_token_file.is_some()
    }

    /// A key of this machine, or the services that certify an identity.
    pub(crate) fn signer(&self, host: &HostArgs) -> Result<Signer> {
        let (Some(token), Some(config)) = (&self.identity_token_file, &self.signing_config) else {
            return Ok(Signer::Key(Box::new(signing_key(self.key.as_deref(), host)?)));
        };
        let services = Services::from_json(&read_file(config)?).blame(Exit::Usage)?;
        let token = String::from_utf8(read_file(token)?)
            .map_err(|_| fail!(Usage, "`{}` is not a token: it is no text", token.display()))?;
        Ok(Signer::Services(services, token))
    }
}

impl Signer {
    /// The signature file for an in-toto statement.
    pub(crate) fn sign(&self, statement: Vec<u8>) -> Result<Signed> {
        match self {
            Self::Key(key) => {
                let file = attestation::sign_statement(statement, key).blame(Exit::Usage)?;
                Ok(Signed { file, fingerprint: Some(key.public_key().fingerprint()) })
            }
            Self::Services(services, token) => {
                let signed = block_on(async { Ok(services.sign_statement(&statement, token).await) })?;
                Ok(Signed { file: signed.map_err(blame_services)?, fingerprint: None })
            }
        }
    }
}

/// Wrong files are the caller's fault, services that do not answer are nobody's here.
fn blame_services(error: KeylessError) -> Failure {
    let exit = match error {
        KeylessError::Service { .. } | KeylessError::Answer(_) => Exit::Host,
        _ => Exit::Usage,
    };
    Failure::new(exit, error)
}
