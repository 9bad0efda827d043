//! `tidegate registry token`.

use clap::{Args, Subcommand};
use serde_json::json;
use tidegate_registry_server::{Permission, Scope, TokenError, TokenFile};

use super::RegistryArgs;
use crate::failure::{Exit, Failure, Result};
use crate::output;

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// `tidegate registry token`.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Makes a token and prints it, once: the registry keeps a hash of it.
    Add(Add),
    /// Lists tokens.
    List(List),
    /// Removes a token: it counts no more from the next request on.
    Remove(Remove),
}

/// `tidegate registry token add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What it is called, in lists and in the log.
    name: String,
    /// Where it counts: `*`, `NAMESPACE/*` or `NAMESPACE/NAME`.
    #[arg(long, required = true, value_name = "SCOPE")]
    scope: Vec<Scope>,
    /// What it permits there: pull, push (and pull), admin (and delete).
    #[arg(long, default_value = "pull")]
    permission: Permission,
    /// It counts for so long; without, until it is removed.
    #[arg(long, value_name = "DAYS")]
    days: Option<u64>,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// `tidegate registry token list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    registry: RegistryArgs,
}

/// `tidegate registry token remove`.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Which.
    name: String,
    #[command(flatten)]
    registry: RegistryArgs,
}

impl Token {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        match self {
            Self::Add(add) => add.run(json),
            Self::List(list) => list.run(json),
            Self::Remove(remove) => remove.run(json),
        }
    }
}

impl Add {
    fn run(self, json: bool) -> Result<Exit> {
        let file = TokenFile::of(&self.registry.settings()?.data);
        let lifetime = self.days.map(|days| days.saturating_mul(DAY));
        let new = file.add(&self.name, self.scope, self.permission, lifetime).map_err(failure)?;
        if json {
            output::json(&json!({ "name": new.token.name, "token": new.text }))?;
        } else {
            // The token alone on standard output, so that it can go to a file or a password store.
            output::line(&new.text);
            eprintln!("shown once; it is the password for any user name");
        }
        Ok(Exit::Done)
    }
}

impl List {
    fn run(self, json: bool) -> Result<Exit> {
        let tokens = TokenFile::of(&self.registry.settings()?.data).list().map_err(failure)?;
        if json {
            let tokens: Vec<_> = tokens
                .iter()
                .map(|token| {
                    json!({
                        "name": token.name,
                        "scopes": token.scopes,
                        "permission": token.permission,
                        "created": token.created,
                        "expires": token.expires,
                    })
                })
                .collect();
            output::json(&json!({ "tokens": tokens }))?;
            return Ok(Exit::Done);
        }
        for token in &tokens {
            let scopes: Vec<_> = token.scopes.iter().map(Scope::to_string).collect();
            let end = if token.expires.is_some() { ", expires" } else { "" };
            output::line(format_args!("{}  {} on {}{end}", token.name, token.permission, scopes.join(", ")));
        }
        if tokens.is_empty() {
            output::line("no tokens");
        }
        Ok(Exit::Done)
    }
}

impl Remove {
    fn run(self, json: bool) -> Result<Exit> {
        TokenFile::of(&self.registry.settings()?.data).remove(&self.name).map_err(failure)?;
        if json {
            output::json(&json!({ "removed": self.name }))?;
        } else {
            output::line(format_args!("removed {}", self.name));
        }
        Ok(Exit::Done)
    }
}

fn failure(error: TokenError) -> Failure {
    let exit = match error {
        TokenError::NotThere(_) => Exit::NotFound,
        TokenError::Io { .. } | TokenError::NoRandom => Exit::Host,
        _ => Exit::Usage,
    };
    Failure::new(exit, error)
}
