//! The environment, read once.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// An environment variable that the host reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// Every environment variable that the host reads, apart from those that `[secrets.NAME] environment = "..."` names.
/// An empty variable counts as not set.
pub const VARIABLES: &[Variable] = &[
    Variable { name: "TIDEGATE_CONFIG", meaning: "the configuration file; it must exist" },
    Variable { name: "TIDEGATE_STATE", meaning: "the directory for everything the host keeps" },
    Variable { name: "TIDEGATE_LISTEN", meaning: "address and port to serve on, 127.0.0.1:8765, or unix:/PATH" },
    Variable { name: "TIDEGATE_POLICY", meaning: "policy files, separated as in PATH" },
    Variable { name: "TIDEGATE_KEYS", meaning: "the directory of this machine's keys" },
    Variable { name: "TIDEGATE_LOG", meaning: "how much is logged: error, warn, info, debug or trace" },
    Variable { name: "TIDEGATE_LOG_FORMAT", meaning: "text or json" },
    Variable { name: "NOTIFY_SOCKET", meaning: "set by systemd: where it wants to hear that the host is ready" },
    Variable { name: "WATCHDOG_USEC", meaning: "set by systemd: how often it wants to hear that the host lives" },
    Variable { name: "WATCHDOG_PID", meaning: "set by systemd: the process that it wants to hear from" },
    Variable { name: "XDG_CONFIG_HOME", meaning: "where the configuration directory `tidegate` lies; else ~/.config" },
    Variable { name: "XDG_STATE_HOME", meaning: "where the state directory `tidegate` lies; else ~/.local/state" },
    Variable { name: "NO_COLOR", meaning: "no colour on terminals, whatever its value" },
    Variable { name: "TERM", meaning: "no colour where it is `dumb`" },
    Variable { name: "HOME", meaning: "the home directory, where the two above are not set" },
];

/// The variables of [`VARIABLES`] that are set, and the working directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<&'static str, String>,
    /// Where relative paths on the command line and in variables start.
    pub working_directory: PathBuf,
}

impl Environment {
    /// Reads the environment of this process. A variable that is not UTF-8 counts as not set.
    #[must_use]
    pub fn of_process() -> Self {
        let set = VARIABLES.iter().filter_map(|variable| Some((variable.name, std::env::var(variable.name).ok()?)));
        let working_directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self { variables: set.filter(|(_, value)| !value.is_empty()).collect(), working_directory }
    }

    /// An environment with these variables; names that are not in [`VARIABLES`] are left out. For embedding and tests.
    #[must_use]
    pub fn with(variables: &[(&str, &str)], working_directory: impl Into<PathBuf>) -> Self {
        let known = |name: &str| VARIABLES.iter().find(|variable| variable.name == name).map(|known| known.name);
        let set = variables.iter().filter(|(_, value)| !value.is_empty());
        let variables = set.filter_map(|(name, value)| Some((known(name)?, (*value).to_owned()))).collect();
        Self { variables, working_directory: working_directory.into() }
    }

    /// A variable's value, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A directory of the XDG base directory specification: the variable, if it holds an absolute path (relative ones
    /// are to be ignored), else a place below the home directory.
    pub(crate) fn base(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let given = self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        given.or_else(|| {
            self.get("HOME").map(PathBuf::from).filter(|path| path.is_absolute()).map(|home| home.join(below_home))
        })
    }
}

/// The value of a variable that a policy names as the source of a secret. Not for anything else.
#[must_use]
pub fn secret_from_environment(name: &str) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt;
    std::env::var_os(name).map(OsStringExt::into_vec)
}

/// Whether a program may write colour to a terminal: not where `NO_COLOR` is set (<https://no-color.org>), nor on a
/// terminal that calls itself `dumb`.
#[must_use]
pub fn colour_wanted() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
