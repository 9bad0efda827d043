//! `tidegate run`.

mod serve;
mod service;
pub mod signals;
pub(crate) mod summary;

use std::path::PathBuf;
use std::time::Instant;

use tidegate::{ControlClient, ControlError, Host, Loaded};

use crate::block_on;
use crate::failure::{Blame as _, Exit, Result};
use crate::settings::Settings;

/// What `tidegate run` was told beside its configuration.
#[derive(Debug, Default)]
pub struct Run {
    /// Component files, or directories of them, beside those that were added.
    pub components: Vec<PathBuf>,
    /// Serve one client over standard input and output, and end with it.
    pub stdio: bool,
    /// Which protocol component serves standard input and output, if several can.
    pub protocol: Option<String>,
}

impl Run {
    /// Serves until somebody ends it.
    ///
    /// # Errors
    /// The host cannot start, or what it serves fails.
    pub fn run(self, settings: Settings) -> Result<Exit> {
        block_on(self.start(settings))
    }

    async fn start(self, settings: Settings) -> Result<Exit> {
        let state = &settings.config.state.value;
        if ControlClient::connect(state).await.is_some() {
            return Err(ControlError::Running(state.join("control.sock"))).blame(Exit::Usage);
        }
        let policy = settings.policy()?;
        policy.print_warnings();
        let start = Instant::now();
        let host = settings.host(policy).await?;
        // Bound before the components are compiled: a port that is taken shows at once, and early clients wait.
        let server = match self.stdio {
            true => None,
            false => Some(serve::bind(&host, &settings.config).await?),
        };
        let loaded = self.load(&host).await?;
        let signals = signals::Signals::new()?;
        let control = host.control(loaded.refused.clone()).await?;
        let control = tokio::spawn(control.serve());
        summary::Summary {
            config: &settings.config,
            loaded: &loaded,
            tools: host.tools().len(),
            address: server.as_ref().map(|server| summary::Place::of(&settings.config, server.address())),
            clients: host.policy().clients.len(),
            components: &self.components,
            took: start.elapsed(),
        }
        .print();
        settings.audit_log.start();
        let manager = service::ServiceManager::new(&settings.config.service);
        manager.ready(&format!("{} components, {} tools", host.components().len(), host.tools().len()));
        let heartbeat = manager.heartbeat(&host)?;
        let end = match server {
            Some(server) => serve::http(server, signals, &manager).await,
            None => serve::stdio(&host, self.protocol.as_deref(), signals).await,
        };
        drop(heartbeat);
        // Dropping it removes the socket.
        control.abort();
        let _ = control.await;
        end
    }

    /// What was added, then what was named.
    async fn load(&self, host: &Host) -> Result<Loaded> {
        let mut loaded = host.load_installed().await?;
        for path in &self.components {
            let more = host.load(path).await.blame(Exit::NotFound)?;
            loaded.components.extend(more.components);
            loaded.refused.extend(more.refused);
        }
        Ok(loaded)
    }
}
