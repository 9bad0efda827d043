//! The state directory and the keys: there, private, usable.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use tidegate::{FilesError, StatePaths};
use tidegate_config::Config;

use super::finding::Finding;
use tidegate_commands::keys::public_key;

use crate::commands::key::files;

const STATE: &str = "state directory";
const KEYS: &str = "keys";

/// Writable by its user, closed to others.
pub(crate) fn state(config: &Config) -> Vec<Finding> {
    let path = &config.state.value;
    let shown = path.display();
    let about = match fs::metadata(path) {
        Ok(about) if about.is_dir() => about,
        Ok(_) => {
            return vec![Finding::bad(STATE, format!("`{shown}` is no directory"), format!("mv {shown} {shown}.old"))];
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return vec![Finding::ok(STATE, format!("`{shown}` is not there yet; the first host makes it"))];
        }
        Err(error) => {
            return vec![Finding::bad(
                STATE,
                format!("`{shown}`: {error}"),
                format!("ls -ld {shown}; or use another `--state`"),
            )];
        }
    };
    let mut findings = Vec::new();
    if about.uid() != rustix::process::geteuid().as_raw() {
        let mend = format!("sudo chown -R $(id -u) {shown}");
        findings.push(Finding::bad(STATE, format!("`{shown}` belongs to another user"), mend));
    }
    if about.permissions().mode() & 0o077 != 0 {
        let found = format!("`{shown}` can be entered by others: they may see components' data and command the host");
        findings.push(Finding::bad(STATE, found, format!("chmod 700 {shown}")));
    }
    // Asking is not enough: file systems mounted read-only say yes.
    let probe = path.join(format!(".doctor.{}", std::process::id()));
    let written = fs::write(&probe, b"x");
    let _ = fs::remove_file(&probe);
    if let Err(error) = written {
        findings.push(Finding::bad(
            STATE,
            format!("`{shown}` cannot be written: {error}"),
            format!("chmod u+rwx {shown}"),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(STATE, format!("`{shown}` is writable and private")));
    }
    findings
}

/// Private and whole, if it has been made.
pub(crate) fn host_key(config: &Config) -> Finding {
    let about = "host key";
    let paths = StatePaths { root: config.state.value.clone() };
    let key = paths.host_key();
    if !key.exists() {
        return Finding::ok(about, "not there yet; the first host makes it");
    }
    let shown = key.display();
    match paths.load_host_key() {
        Ok(_) => Finding::ok(about, format!("`{shown}` is whole and private")),
        Err(error @ FilesError::Exposed { .. }) => Finding::bad(about, error.to_string(), format!("chmod 600 {shown}")),
        Err(error @ FilesError::HostKey { .. }) => Finding::bad(about, error.to_string(), format!("rm {shown}")),
        Err(error) => Finding::bad(about, error.to_string(), format!("ls -l {shown}")),
    }
}

/// Every key of the key directory.
pub(crate) fn keys(config: &Config) -> Vec<Finding> {
    let directory = &config.keys.value;
    let found = match files(directory) {
        Ok(found) => found,
        Err(failure) => return vec![Finding::bad(KEYS, failure.text(), format!("ls -ld {}", directory.display()))],
    };
    if found.is_empty() {
        let found = format!("no key in `{}`: needed to sign, not to run", directory.display());
        return vec![Finding::hint(KEYS, found, "tidegate key new")];
    }
    let findings: Vec<_> = found.iter().filter_map(|path| key(path)).collect();
    if findings.is_empty() {
        return vec![Finding::ok(KEYS, format!("{} files in `{}`, all usable", found.len(), directory.display()))];
    }
    findings
}

fn key(path: &Path) -> Option<Finding> {
    let shown = path.display();
    if let Err(failure) = public_key(path) {
        return Some(Finding::bad(KEYS, failure.text(), format!("mv {shown} {shown}.unusable")));
    }
    let private = path.extension().is_some_and(|extension| extension == "key");
    let mode = fs::metadata(path).map_or(0, |about| about.permissions().mode());
    (private && mode & 0o077 != 0)
        .then(|| Finding::bad(KEYS, format!("`{shown}` can be read by others"), format!("chmod 600 {shown}")))
}
