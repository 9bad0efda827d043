//! What the service manager that started this process wants to hear: see sd_notify(3) and sd_watchdog_enabled(3).

use std::time::Duration;

use crate::environment::Environment;

/// Where to tell the service manager how the service is. Only a service manager sets it, so no option and no file does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Its datagram socket: a path, or `@` and an abstract name.
    pub socket: Option<String>,
    /// It wants to hear from this process at least so often, and starts it anew otherwise.
    pub watchdog: Option<Duration>,
}

impl ServiceConfig {
    /// From the environment. `process` is this process's id: a watchdog for another one is none of ours.
    pub(crate) fn read(environment: &Environment, process: u32) -> Self {
        let watched = environment.get("WATCHDOG_PID").is_none_or(|pid| pid.parse() == Ok(process));
        let micros = environment.get("WATCHDOG_USEC").filter(|_| watched).and_then(|text| text.parse().ok());
        Self {
            socket: environment.get("NOTIFY_SOCKET").map(str::to_owned),
            watchdog: micros.filter(|micros| *micros > 0).map(Duration::from_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> ServiceConfig {
        ServiceConfig::read(&Environment::with(variables, "/"), 42)
    }

    #[test]
    fn a_watchdog_is_for_the_process_that_it_names() {
        let every = Some(Duration::from_secs(30));
        assert_eq!(read(&[("WATCHDOG_USEC", "30000000")]).watchdog, every);
        assert_eq!(read(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "42")]).watchdog, every);
        assert_eq!(read(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "43")]).watchdog, None);
        for nothing in ["0", "-1", "often", ""] {
            assert_eq!(read(&[("WATCHDOG_USEC", nothing)]).watchdog, None);
        }
        assert_eq!(read(&[("NOTIFY_SOCKET", "@x")]).socket.as_deref(), Some("@x"));
    }
}
