//! Tells the service manager how the host is, by the protocol of sd_notify(3): lines of `NAME=VALUE` in one datagram.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tidegate::Host;
use tidegate_config::ServiceConfig;
use tokio::task::JoinHandle;

/// The service manager that started this host; none: nobody listens, and telling costs nothing.
pub(crate) struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

/// Tells that the host lives, until it is dropped.
pub(crate) struct Heartbeat(Option<JoinHandle<()>>);

impl ServiceManager {
    /// Connects. A socket that cannot be reached is logged, because the service manager will then stop the service.
    pub(crate) fn new(config: &ServiceConfig) -> Self {
        let connected = config.socket.as_deref().map(|name| connect(name).map_err(|error| (name, error)));
        let socket = match connected.transpose() {
            Ok(socket) => socket,
            Err((name, error)) => {
                tracing::warn!(socket = name, %error, "cannot reach the service manager (NOTIFY_SOCKET)");
                None
            }
        };
        Self { socket, watchdog: config.watchdog }
    }

    /// Clients may come.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}\n", status.replace('\n', " ")));
    }

    /// No new clients; what runs may finish.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=finishing the calls that run\n");
    }

    /// From here on the watchdog hears that the host lives: twice in its time, from a task of the runtime that serves
    /// calls, after a look at the catalog. So a runtime whose threads are all stuck, or a lock that nobody gives back,
    /// ends in a restart.
    pub(crate) fn heartbeat(&self, host: &Host) -> std::io::Result<Heartbeat> {
        let (Some(socket), Some(watchdog)) = (&self.socket, self.watchdog) else { return Ok(Heartbeat(None)) };
        let (socket, host) = (socket.try_clone()?, host.clone());
        let beating = tokio::spawn(async move {
            let mut beats = tokio::time::interval(watchdog / 2);
            loop {
                beats.tick().await;
                let _ = host.components().len();
                let _ = socket.send(b"WATCHDOG=1\n");
            }
        });
        Ok(Heartbeat(Some(beating)))
    }

    fn tell(&self, lines: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(lines.as_bytes())
        {
            tracing::warn!(%error, "cannot tell the service manager");
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if let Some(beating) = &self.0 {
            beating.abort();
        }
    }
}

fn connect(name: &str) -> std::io::Result<UnixDatagram> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // A service manager that does not read must not hold the host.
    socket.set_nonblocking(true)?;
    Ok(socket)
}
