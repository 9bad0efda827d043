//! `tidegate registry serve`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tidegate::attestation::sign_index;
use tidegate_config::{Config, Environment, LogFormat, LogLevel, Options, parse_registry_listen};
use tidegate_registry_server::{AnonymousPull, IndexSigner, Server, TokenFile};

use super::RegistryArgs;
use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::key::signing_key;
use crate::failure::{Blame as _, Exit, Result, fail};
use tidegate_commands::run::signals::Signals;

/// `tidegate registry serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:5000].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Everybody who reaches the registry may pull everything.
    #[arg(long)]
    anonymous_pull: bool,
    /// The private key to sign the index with.
    #[arg(long, value_name = "FILE")]
    index_key: Option<PathBuf>,
    /// How much is logged: error, warn, info, debug, trace.
    #[arg(long = "log", value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// The log's form: text, json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    #[command(flatten)]
    registry: RegistryArgs,
}

impl Serve {
    pub(crate) fn run(self, _json: bool) -> Result<Exit> {
        let options = Options { log_level: self.log_level, log_format: self.log_format, ..Options::default() };
        let config = Config::load(&options, &Environment::of_process()).blame(Exit::Usage)?;
        crate::log::start(&config.log, false);
        let (mut settings, index_key) = self.registry.read()?;
        if let Some(file) = self.index_key.or(index_key) {
            let key = signing_key(Some(&file), &HostArgs::default())?;
            settings.index_signer = Some(IndexSigner(Arc::new(move |index| sign_index(index, &key).ok())));
        }
        if let Some(text) = &self.listen {
            settings.listen = parse_registry_listen(text).map_err(|message| fail!(Usage, "--listen: {message}"))?;
        }
        if self.anonymous_pull {
            settings.anonymous_pull = AnonymousPull::Everything;
        }
        block_on(async {
            let data = settings.data.clone();
            let tokens = TokenFile::of(&data).list().blame(Exit::Usage)?;
            let server = Server::bind(settings).await?;
            let mut signals = Signals::new()?;
            let scheme = if server.has_tls() { "https" } else { "http" };
            eprintln!("registry on {scheme}://{}, in {}", server.address(), data.display());
            if tokens.is_empty() {
                eprintln!(
                    "  nobody may push yet: `tidegate registry token add NAME --scope '*' --permission push --data {}`",
                    data.display()
                );
            }
            server.serve(async move { signals.next().await }).await;
            Ok(Exit::Done)
        })
    }
}
