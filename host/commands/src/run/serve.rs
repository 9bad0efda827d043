//! Serving until somebody ends it.

use std::path::Path;

use anyhow::Context as _;
use tidegate::access::{AccessOptions, IssuerOptions, TokenOptions};
use tidegate::{Address, Allow, Host, HttpLimits, HttpOptions, HttpServer, ServeError, StatePaths, TlsFiles};
use tidegate_config::{Config, Listen};
use tokio::sync::oneshot;

use super::service::ServiceManager;
use super::signals::Signals;
use crate::failure::{Blame as _, Exit, Result};

/// What the configuration says about HTTP.
fn options(config: &Config, state: &StatePaths) -> Result<HttpOptions> {
    let http = &config.http;
    Ok(HttpOptions {
        access: access(config, state)?,
        tls: config
            .tls
            .value
            .as_ref()
            .map(|tls| TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() }),
        allow: Allow { hosts: http.allowed_hosts.value.clone(), origins: http.allowed_origins.value.clone() },
        limits: HttpLimits {
            header_timeout: http.header_timeout.value,
            idle_timeout: http.idle_timeout.value,
            max_header_bytes: usize::try_from(http.max_header_bytes.value).unwrap_or(usize::MAX),
            max_body: http.max_body.value,
            ..HttpLimits::default()
        },
    })
}

/// Binds the address of the configuration.
pub(crate) async fn bind(host: &Host, config: &Config) -> Result<HttpServer> {
    let address = match &config.listen.value {
        Listen::Network(address) => Address::Network(*address),
        Listen::Unix(path) => Address::Unix { path: path.clone(), mode: config.http.socket_mode.value },
    };
    Ok(host.bind_http(address, options(config, host.state())?).await?)
}

/// How clients prove who they are, if they are asked.
fn access(config: &Config, state: &StatePaths) -> Result<Option<AccessOptions>> {
    let access = &config.access;
    if !access.is_on() {
        return Ok(None);
    }
    let read = |path: &Path| {
        std::fs::read(path)
            .with_context(|| format!("cannot read `{}`, which `[access]` names", path.display()))
            .blame(Exit::Usage)
    };
    let tokens = match &access.resource.value {
        Some(resource) if !access.issuers.value.is_empty() => {
            let mut issuers = Vec::new();
            for issuer in &access.issuers.value {
                issuers.push(IssuerOptions {
                    issuer: issuer.issuer.clone(),
                    pinned: issuer.jwks_file.as_deref().map(read).transpose()?,
                    jwks: issuer.jwks.clone(),
                    // The configuration knows the same names.
                    algorithms: issuer.algorithms.iter().filter_map(|name| name.parse().ok()).collect(),
                    kinds: issuer.types.clone(),
                    leeway: issuer.leeway,
                });
            }
            let roots = access.roots.value.as_deref().map(read).transpose()?.unwrap_or_default();
            Some(TokenOptions { resource: resource.clone(), issuers, scopes: access.scopes.value.clone(), roots })
        }
        _ => None,
    };
    Ok(Some(AccessOptions { keys: access.keys.value.then(|| state.access_keys()), tokens }))
}

/// HTTP, until a signal; what runs then may finish, until a second signal.
pub(crate) async fn http(server: HttpServer, mut signals: Signals, manager: &ServiceManager) -> Result<Exit> {
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = server.serve(async {
        let _ = stopped.await;
    });
    tokio::pin!(serving);
    tokio::select! {
        _ = &mut serving => return Ok(Exit::Done),
        () = signals.next() => {}
    }
    manager.stopping();
    eprintln!("stopping: calls that run may finish; a second signal cuts them off");
    let _ = stop.send(());
    tokio::select! {
        drained = &mut serving => match drained.cut {
            0 => eprintln!("stopped"),
            cut => eprintln!("stopped: {cut} connections did not finish in time"),
        },
        () = signals.next() => eprintln!("stopped at once"),
    }
    Ok(Exit::Done)
}

/// Standard input and output, until the client ends or a signal comes.
pub(crate) async fn stdio(host: &Host, protocol: Option<&str>, mut signals: Signals) -> Result<Exit> {
    tokio::select! {
        served = host.serve_stdio(protocol) => match served {
            Ok(()) => Ok(Exit::Done),
            Err(error @ (ServeError::NoStream | ServeError::SeveralStreams(_))) => Err(error).blame(Exit::NotFound),
            Err(error @ ServeError::Stream(_)) => Err(error).blame(Exit::Component),
            Err(error) => Err(error.into()),
        },
        () = signals.next() => Ok(Exit::Done),
    }
}
