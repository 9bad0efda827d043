//! `tidegate registry`.

mod serve;
mod token;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use tidegate::grant::{format_bytes, format_duration};
use tidegate_config::{AnonymousPullConfig, Config, Environment, Options, RegistryConfig, read_registry};
use tidegate_reference::{RepositoryName, Tag};
use tidegate_registry_server::{AnonymousPull, Command, Limits, Quotas, Reply, Settings, TlsFiles, control};

use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output;

/// `tidegate registry`.
#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    /// Runs a registry until Ctrl-C.
    Serve(serve::Serve),
    /// Makes, shows and removes the tokens with which clients identify themselves.
    #[command(subcommand)]
    Token(token::Token),
    /// Removes what no manifest names any more. A running registry does that by itself from time to time.
    Gc(Gc),
    /// Withdraws a version: it is not found any more, and whoever has its digest still gets it.
    Yank(Yank),
}

/// Where a registry's things are.
#[derive(Debug, Clone, Args)]
pub(crate) struct RegistryArgs {
    /// The registry's configuration file [default: registry.toml beside the configuration file].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The registry's directory [default: registry in the state directory].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// `tidegate registry gc`.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Keep what is younger than this many minutes; a push that is under way would lose its first blobs.
    #[arg(long, value_name = "MINUTES")]
    grace: Option<u64>,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// `tidegate registry yank`.
#[derive(Debug, Args)]
pub(crate) struct Yank {
    /// The version, as in `acme/tool-time:1.0.0`.
    #[arg(value_name = "NAME:VERSION")]
    version: String,
    /// Why, for the people who meet it.
    #[arg(long, value_name = "TEXT", conflicts_with = "undo")]
    reason: Option<String>,
    /// Takes it back.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

impl Registry {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        match self {
            Self::Serve(serve) => serve.run(json),
            Self::Token(token) => token.run(json),
            Self::Gc(gc) => gc.run(json),
            Self::Yank(yank) => yank.run(json),
        }
    }
}

impl Gc {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = self.registry.settings()?;
        let grace = self.grace.map(|minutes| minutes.saturating_mul(60));
        let reply = control(&settings.data, &Command::Collect { grace }, settings.grace).blame(Exit::Host)?;
        let Reply::Collected(swept) = reply else { return Err(fail!(Host, "the registry answered something else")) };
        if json {
            output::json(&json!({ "collected": swept }))?;
        } else {
            let kept = grace.map_or(settings.grace, Duration::from_secs);
            output::line(format_args!(
                "removed {} files ({}), {} blobs that no manifest named, {} uploads; all older than {}",
                swept.files,
                format_bytes(swept.bytes),
                swept.links,
                swept.uploads,
                format_duration(kept)
            ));
        }
        Ok(Exit::Done)
    }
}

impl Yank {
    fn run(self, json: bool) -> Result<Exit> {
        let settings = self.registry.settings()?;
        let parts = self.version.rsplit_once(':');
        let (name, tag) =
            parts.ok_or_else(|| fail!(Usage, "`{}` has no version: write `NAME:VERSION`", self.version))?;
        let (name, tag) = (name.parse::<RepositoryName>().blame(Exit::Usage)?, tag.parse::<Tag>().blame(Exit::Usage)?);
        let (shown, reason) = (format!("{name}:{tag}"), self.reason);
        let command = match self.undo {
            true => Command::Unyank { name, tag },
            false => Command::Yank { name, tag, reason },
        };
        let reply = control(&settings.data, &command, settings.grace).blame(Exit::NotFound)?;
        let Reply::Yanked(digest) = reply else { return Err(fail!(Host, "the registry answered something else")) };
        let yanked = !self.undo;
        if json {
            output::json(&json!({ "version": shown, "digest": digest, "yanked": yanked }))?;
        } else if yanked {
            output::line(format_args!("yanked {shown}: it is not found any more; `@{digest}` still is"));
        } else {
            output::line(format_args!("{shown} is found again"));
        }
        Ok(Exit::Done)
    }
}

impl RegistryArgs {
    /// What file, defaults and command line make together.
    fn settings(&self) -> Result<Settings> {
        Ok(self.read()?.0)
    }

    /// The same, and the file of the key that signs the index.
    fn read(&self) -> Result<(Settings, Option<PathBuf>)> {
        let config = Config::load(&Options::default(), &Environment::of_process()).blame(Exit::Usage)?;
        let file = match &self.config {
            Some(path) => std::path::absolute(path)?,
            None => config.file.value.with_file_name("registry.toml"),
        };
        let read = read_registry(&file, self.config.is_some()).blame(Exit::Usage)?;
        let data = match &self.data {
            Some(data) => std::path::absolute(data)?,
            None => read.data.clone().unwrap_or_else(|| config.state.value.join("registry")),
        };
        let index_key = read.index_key.clone();
        Ok((merge(read, data)?, index_key))
    }
}

fn merge(read: RegistryConfig, data: PathBuf) -> Result<Settings> {
    let listen = read.listen.unwrap_or_else(|| ([127, 0, 0, 1], 5000).into());
    let mut settings = Settings::new(listen, data);
    settings.plain_http = read.plain_http;
    settings.tls = read.tls.map(|(certificate, key)| TlsFiles { certificate, key });
    settings.anonymous_pull = match read.anonymous_pull {
        AnonymousPullConfig::Nothing => AnonymousPull::Nothing,
        AnonymousPullConfig::Everything => AnonymousPull::Everything,
        AnonymousPullConfig::Of(texts) => {
            let scopes = texts.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>();
            AnonymousPull::Of(scopes.blame(Exit::Usage)?)
        }
    };
    let defaults = Quotas::default();
    settings.quotas = Quotas { default: read.default_quota.unwrap_or(defaults.default), namespaces: read.quotas };
    let count = |set: Option<u64>, default: usize| set.and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
    let defaults = Limits::default();
    settings.limits = Limits {
        max_blob: read.max_blob.unwrap_or(defaults.max_blob),
        connections: count(read.connections, defaults.connections),
        uploads: count(read.uploads, defaults.uploads),
        open_uploads: count(read.open_uploads, defaults.open_uploads),
        head: read.head_timeout.unwrap_or(defaults.head),
        silence: read.silence.unwrap_or(defaults.silence),
    };
    settings.grace = read.grace.unwrap_or(settings.grace);
    settings.gc_every = read.gc_every.unwrap_or(settings.gc_every);
    Ok(settings)
}
