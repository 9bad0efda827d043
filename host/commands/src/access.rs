//! `tidegate access`: keys that clients show.

use serde_json::json;
use tidegate::StatePaths;
use tidegate::access::{KeyFile, KeyFileError};
use tidegate::grant::Pattern;
use tidegate_config::Config;

use crate::failure::{Blame as _, Exit, Result};
use crate::output::{self, Style};
use crate::settings::Settings;

/// A key to be made.
#[derive(Debug)]
pub struct AddKey {
    /// Who will have it: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The tenant in the policy lines that are shown.
    pub tenant: Option<String>,
    /// The tools in the policy lines that are shown: `COMPONENT/TOOL`, with `*` for any text.
    pub tools: Vec<Pattern>,
}

impl AddKey {
    /// Makes it and prints it, once.
    ///
    /// # Errors
    /// There is one of that name, or it cannot be kept.
    pub fn run(self, settings: &Settings, json: bool) -> Result<Exit> {
        let config = &settings.config;
        let secret = blame(keys(config)?.add(&self.name))?;
        let lines = self.lines();
        if json {
            output::json(&json!({ "name": self.name, "key": secret, "policy": lines }))?;
            return Ok(Exit::Done);
        }
        output::line(secret);
        let style = Style::stderr();
        eprintln!(
            "\n{} nobody can show it again; clients send it as `Authorization: Bearer ...`",
            style.warn("keep it:")
        );
        if !config.access.keys.value {
            eprintln!(
                "\nkeys count once the configuration `{}` says so:\n  [access]\n  keys = true",
                config.file.value.display()
            );
        }
        eprintln!("\na policy file says what its holder may use:");
        lines.lines().for_each(|line| eprintln!("  {line}"));
        Ok(Exit::Done)
    }

    fn lines(&self) -> String {
        let tools: Vec<_> = self.tools.iter().map(|pattern| format!("\"{pattern}\"")).collect();
        let tenant = self.tenant.as_ref().map_or_else(String::new, |tenant| format!("tenant = \"{tenant}\"\n"));
        format!("[[client]]\nkey = \"{}\"\n{tenant}tools = [{}]\n", self.name, tools.join(", "))
    }
}

/// Lists the keys there are, without their secrets.
///
/// # Errors
/// They cannot be read, or the policy.
pub fn list(settings: &Settings, json: bool) -> Result<Exit> {
    let keys = blame(keys(&settings.config)?.list())?;
    let policy = settings.policy()?.policy;
    let admitted = |name: &str| {
        tidegate::rules::admit(&policy, &tidegate::rules::Identity::Key { name }).map_err(|error| error.to_string())
    };
    if json {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| json!({ "name": key.name, "created": key.created, "may": admitted(&key.name).ok() }))
            .collect();
        output::json(&json!({ "keys": keys }))?;
        return Ok(Exit::Done);
    }
    if keys.is_empty() {
        output::line("no keys: make one with `tidegate access add-key NAME`");
    }
    for key in keys.iter() {
        match admitted(&key.name) {
            Ok(admission) => output::line(admission.to_string().trim_end()),
            Err(why) => output::line(format_args!("key:{}\n  {} {why}", key.name, Style::stdout().warn("not let in:"))),
        }
    }
    Ok(Exit::Done)
}

/// Takes a key away; it opens nothing from then on, in a running host too.
///
/// # Errors
/// There is none of that name, or the file cannot be written.
pub fn remove(name: &str, settings: &Settings, json: bool) -> Result<Exit> {
    blame(keys(&settings.config)?.remove(name))?;
    if json {
        output::json(&json!({ "removed": [name] }))?;
    } else {
        output::line(format_args!("removed {name}: it opens nothing any more"));
    }
    Ok(Exit::Done)
}

fn keys(config: &Config) -> Result<KeyFile> {
    Ok(KeyFile::new(StatePaths::open(&config.state.value)?.access_keys()))
}

fn blame<T>(result: Result<T, KeyFileError>) -> Result<T> {
    let exit = match &result {
        Err(KeyFileError::Absent(_)) => Exit::NotFound,
        Err(KeyFileError::Name(_) | KeyFileError::Present(_) | KeyFileError::Full) => Exit::Usage,
        _ => Exit::Host,
    };
    result.blame(exit)
}
