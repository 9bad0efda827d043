//! What can go wrong, as exit codes; and errors for people and for programs.

use std::fmt;
use std::process::ExitCode;

use serde_json::json;

/// How the process ends. Part of the interface: see `docs/cli.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It worked.
    Done = 0,
    /// The host or the machine failed: files, memory, the network.
    Host = 1,
    /// What was asked for is wrong: arguments, files of the wrong kind, a configuration or policy with mistakes.
    Usage = 2,
    /// A signature or the policy refuses.
    Refused = 3,
    /// The component failed, or its tool says that it failed.
    Component = 4,
    /// There is nothing of that name, or no such file.
    NotFound = 5,
}

/// Text for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the host or the machine failed
  2  wrong arguments, files or configuration
  3  refused by signature or policy
  4  the component failed
  5  not found";

/// A command that did not work.
pub struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

/// What commands give back.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Says whose fault an error is; without it, the host's.
pub trait Blame<T> {
    /// The exit code for it.
    ///
    /// # Errors
    /// The same, blamed.
    fn blame(self, exit: Exit) -> Result<T>;
}

/// A failure in words of our own: `fail!(Usage, "there is no `{}`", name)`.
#[macro_export]
macro_rules! fail {
    ($exit:ident, $($text:tt)*) => {
        $crate::failure::Failure::new(
            $crate::failure::Exit::$exit,
            $crate::failure::Words(::std::format!($($text)*)),
        )
    };
}
pub use crate::fail;

/// The words of [`fail!`](crate::fail), as an error without a cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Words(pub String);

// === impl Failure ===

impl Failure {
    /// A failure by this error.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// The exit code for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What happened, then each cause once.
    fn texts(&self) -> (String, Vec<String>) {
        let mut texts: Vec<String> = Vec::new();
        for cause in self.error.chain() {
            let text = cause.to_string();
            // Some libraries repeat their cause in their own text.
            if !texts.last().is_some_and(|last| last.ends_with(&text)) {
                texts.push(text);
            }
        }
        let causes = texts.split_off(1.min(texts.len()));
        (texts.pop().unwrap_or_default(), causes)
    }

    /// All of it, as one text.
    #[must_use]
    pub fn text(&self) -> String {
        let (message, causes) = self.texts();
        std::iter::once(message).chain(causes).collect::<Vec<_>>().join(": ")
    }

    /// To standard error.
    pub fn print(&self, as_json: bool) {
        let (message, causes) = self.texts();
        if as_json {
            let error = json!({ "kind": self.exit.kind(), "message": message, "causes": causes });
            eprintln!("{}", json!({ "error": error }));
            return;
        }
        let style = crate::output::Style::stderr();
        eprintln!("{} {message}", style.bad("error:"));
        for cause in causes {
            eprintln!("  {} {}", style.dim("because"), cause.replace('\n', "\n    "));
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Exit::Host, error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:#}", self.exit, self.error)
    }
}

impl<T, E: Into<anyhow::Error>> Blame<T> for std::result::Result<T, E> {
    fn blame(self, exit: Exit) -> Result<T> {
        self.map_err(|error| Failure::new(exit, error))
    }
}

// === impl Exit ===

impl Exit {
    /// For programs.
    fn kind(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Host => "host",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Component => "component",
            Self::NotFound => "not-found",
        }
    }

    /// Of several things that were tried, the one to report: what went wrong first.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Done { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
