//! Registries: how they are spoken to, and with which credentials.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use tidegate_config::Config;
use tidegate_reference::{OciReference, RegistryHost};
use tidegate_source_oci::{Client, ClientSettings, Credential, Credentials, PullError, TransportError};

use crate::failure::{Blame as _, Exit, Failure, Result, fail};

/// The file of credentials, beside the configuration file.
const FILE: &str = "registries.json";
/// Longest password on standard input, in bytes.
const MAX_PASSWORD: u64 = 16 << 10;

/// How registries are spoken to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RemoteArgs {
    /// The file with names and passwords for registries [default: registries.json beside the configuration file].
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Read the password or token for the registry from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// The user's name for the password on standard input; registries with tokens do not look at it.
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Root certificates (PEM) beside the public ones.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Speak to this registry without TLS. Registries on this machine need no such permission.
    #[arg(long, value_name = "HOST[:PORT]")]
    plain_http: Vec<RegistryHost>,
}

impl RemoteArgs {
    /// A client; a password on standard input is for `registry`.
    pub(crate) fn client(&self, config: &Config, registry: &RegistryHost) -> Result<Client> {
        let mut credentials = self.read(config)?;
        if self.password_stdin {
            let mut password = String::new();
            let reading = std::io::stdin().take(MAX_PASSWORD).read_to_string(&mut password);
            reading.context("cannot read the password from standard input").blame(Exit::Usage)?;
            let mut credential = Credential::token(password.trim_end_matches(['\r', '\n']).to_owned());
            if let Some(username) = &self.username {
                credential.username.clone_from(username);
            }
            credentials.set(registry.clone(), credential);
        }
        let extra_roots = match &self.ca_file {
            Some(path) => {
                fs::read(path).with_context(|| format!("cannot read `{}`", path.display())).blame(Exit::Usage)?
            }
            None => Vec::new(),
        };
        let plain_http = self.plain_http.iter().cloned().collect();
        Client::new(ClientSettings { credentials, plain_http, extra_roots }).blame(Exit::Usage)
    }

    /// The file of credentials; the default one may be missing.
    fn read(&self, config: &Config) -> Result<Credentials> {
        let path = self.credentials.clone().unwrap_or_else(|| config.file.value.with_file_name(FILE));
        let metadata = match path.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.credentials.is_none() => {
                return Ok(Credentials::default());
            }
            metadata => metadata.with_context(|| format!("cannot read `{}`", path.display())).blame(Exit::Usage)?,
        };
        if metadata.mode() & 0o077 != 0 {
            return Err(fail!(
                Usage,
                "the credentials in `{0}` can be read by others than their owner: run `chmod 600 {0}`",
                path.display()
            ));
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        Credentials::parse(&text).with_context(|| format!("`{}` is not taken", path.display())).blame(Exit::Usage)
    }
}

/// Whose fault it is that nothing was pulled.
pub(crate) fn pull_failure(error: PullError) -> Failure {
    let exit = match &error {
        PullError::Transport(error) => transport_exit(error),
        _ => Exit::Refused,
    };
    Failure::new(exit, error)
}

/// Whose fault a failed request is.
pub(crate) fn transport_exit(error: &TransportError) -> Exit {
    match error {
        TransportError::NotFound { .. } => Exit::NotFound,
        TransportError::PlainHttp(_) | TransportError::Address { .. } | TransportError::Unauthorized { .. } => {
            Exit::Usage
        }
        TransportError::Downgrade { .. }
        | TransportError::Inward { .. }
        | TransportError::Redirect { .. }
        | TransportError::TooBig { .. }
        | TransportError::Encoding { .. }
        | TransportError::Denied { .. } => Exit::Refused,
        _ => Exit::Host,
    }
}

/// A registry reference that somebody typed.
pub(crate) fn reference(text: &str) -> Result<OciReference> {
    text.parse().blame(Exit::Usage)
}

/// Whether an argument means a registry and not a file.
pub(crate) fn is_reference(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with(OciReference::SCHEME))
}
