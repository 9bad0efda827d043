//! Policy files: read, with their warnings, and the secrets that they name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tidegate::rules::{Policy, SecretSource as Place};
use tidegate::{SecretPlace, SecretSource};
use tidegate_config::{Config, PolicyFileError, Provenance, read_policy, secret_from_environment};

use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output::Style;

/// A policy that was understood completely.
pub struct PolicyFiles {
    /// What the files say.
    pub policy: Policy,
    /// The file at the default place is not there: nobody is believed.
    pub missing: Option<PathBuf>,
}

/// Reads policy files. Where nobody named one, a missing file is the empty policy.
///
/// # Errors
/// They have mistakes, or cannot be read.
pub fn read(config: &Config) -> Result<PolicyFiles> {
    let files = &config.policy;
    match read_policy(&files.value, config.trusted_root.value.as_deref()) {
        Err(PolicyFileError::Read { path, source })
            if source.kind() == std::io::ErrorKind::NotFound && files.from == Provenance::Default =>
        {
            Ok(PolicyFiles { policy: Policy::default(), missing: Some(path) })
        }
        read => Ok(PolicyFiles { policy: read.blame(Exit::Usage)?, missing: None }),
    }
}

impl PolicyFiles {
    /// Warnings, to standard error.
    pub fn print_warnings(&self) {
        let style = Style::stderr();
        for warning in &self.policy.warnings {
            eprintln!("{} {warning}", style.warn("warning:"));
        }
        if let Some(path) = &self.missing {
            eprintln!(
                "{} there is no policy at `{}`, so no signer is believed; `tidegate doctor` shows how to begin one",
                style.warn("warning:"),
                path.display()
            );
        }
    }

    /// Where the values of secrets are. Those in the environment are read now.
    ///
    /// # Errors
    /// The value in a variable is not UTF-8.
    pub fn secrets(&self) -> Result<SecretSource> {
        let mut places = BTreeMap::new();
        for (name, secret) in &self.policy.secrets {
            let place = match &secret.source {
                Place::File(path) => SecretPlace::File(path.clone()),
                Place::Environment(variable) => {
                    let value = secret_from_environment(variable).unwrap_or_default();
                    let value = String::from_utf8(value).map_err(|_| {
                        fail!(
                            Usage,
                            "the environment variable `{variable}` of the secret `{name}` ({}) is not UTF-8: put the \
                             secret into a file",
                            secret.origin
                        )
                    })?;
                    SecretPlace::Environment { variable: variable.clone(), value }
                }
            };
            places.insert(name.clone(), place);
        }
        Ok(SecretSource::new(places))
    }
}
