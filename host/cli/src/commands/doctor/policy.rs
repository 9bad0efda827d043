//! The policy: it parses, its keys are keys, and what it names is there.

use std::path::Path;

use tidegate::rules::{Policy, SecretSource};
use tidegate_config::{Config, secret_from_environment};

use super::finding::Finding;
use crate::policy::read;

const POLICY: &str = "policy";

/// Everything that can be wrong about it.
pub(crate) fn examine(config: &Config) -> Vec<Finding> {
    let files = match read(config) {
        Ok(files) => files,
        Err(failure) => return vec![Finding::bad(POLICY, failure.text(), "correct it, then `tidegate policy check`")],
    };
    if let Some(path) = &files.missing {
        return vec![Finding::hint(POLICY, "there is none, so no signer is believed", beginning(config, path))];
    }
    let policy = files.policy;
    let mut findings = Vec::new();
    if let Err(error) = tidegate::trust_root(&policy) {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        findings.push(Finding::bad(
            POLICY,
            format!("{error}{cause}"),
            "name another key, then `tidegate policy check`",
        ));
    }
    for warning in &policy.warnings {
        findings.push(Finding::hint(POLICY, warning.to_string(), "`tidegate policy check` shows it again"));
    }
    findings.extend(secrets(&policy));
    findings.extend(directories(&policy));
    if findings.is_empty() {
        let (signers, grants) = (policy.signers.len(), policy.rules.len());
        findings.push(Finding::ok(POLICY, format!("in order: {signers} signers, {grants} grants")));
    }
    findings
}

/// Whether each secret has a value. What it is stays unread.
fn secrets(policy: &Policy) -> Vec<Finding> {
    let missing = policy.secrets.iter().filter_map(|(name, secret)| {
        let (found, mend) = match &secret.source {
            SecretSource::File(path) if !path.is_file() => (
                format!("its file `{}` is not there", path.display()),
                format!("write the secret into {}", path.display()),
            ),
            SecretSource::Environment(variable)
                if secret_from_environment(variable).is_none_or(|value| value.is_empty()) =>
            {
                (format!("the environment variable `{variable}` is not set here"), format!("export {variable}=..."))
            }
            _ => return None,
        };
        Some(Finding::bad(POLICY, format!("secret `{name}` ({}): {found}", secret.origin), mend))
    });
    missing.collect()
}

/// Whether each granted directory is there: a component that is granted another one would not load.
fn directories(policy: &Policy) -> Vec<Finding> {
    let granted = policy.rules.iter().flat_map(|rule| &rule.grant.directories);
    let missing = granted.filter(|granted| !granted.host.is_dir()).map(|granted| {
        let shown = granted.host.display();
        Finding::bad(
            POLICY,
            format!("the granted directory `{shown}` ({}) is not there", granted.origin),
            format!("mkdir -p {shown}"),
        )
    });
    missing.collect()
}

/// How to begin one.
fn beginning(config: &Config, path: &Path) -> String {
    let key = config.keys.value.join("default.pub");
    format!(
        "write `{}`, for example\nversion = 1\n[signers.me]\npublic-key-file = \"{}\"",
        path.display(),
        key.display()
    )
}
