//! Serving until somebody ends it.

use tidegate::{Allow, Host, HttpLimits, HttpOptions, HttpServer, ServeError};
use tidegate_config::Config;
use tokio::sync::oneshot;

use super::service::ServiceManager;
use super::signals::Signals;
use crate::failure::{Blame as _, Exit, Result};

/// What the configuration says about HTTP.
pub(crate) fn options(config: &Config) -> HttpOptions {
    let http = &config.http;
    HttpOptions {
        allow: Allow { hosts: http.allowed_hosts.value.clone(), origins: http.allowed_origins.value.clone() },
        limits: HttpLimits {
            header_timeout: http.header_timeout.value,
            idle_timeout: http.idle_timeout.value,
            max_header_bytes: usize::try_from(http.max_header_bytes.value).unwrap_or(usize::MAX),
            max_body: http.max_body.value,
            ..HttpLimits::default()
        },
    }
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
