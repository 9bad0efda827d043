//! One thing that was looked at.

use serde::Serialize;

use crate::output::{self, Style};

/// What was looked at, what was found, and what mends it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) about: &'static str,
    /// How bad it is.
    pub(crate) level: Level,
    /// What was found.
    pub(crate) found: String,
    /// A command, or what to do; none where nothing is to be done.
    pub(crate) mend: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// In order.
    Ok,
    /// In order, but perhaps not what one wants.
    Hint,
    /// Wrong.
    Bad,
}

impl Finding {
    pub(crate) fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, level: Level::Ok, found: found.into(), mend: None }
    }

    pub(crate) fn hint(about: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { about, level: Level::Hint, found: found.into(), mend: Some(mend.into()) }
    }

    pub(crate) fn bad(about: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { about, level: Level::Bad, found: found.into(), mend: Some(mend.into()) }
    }

    /// For people.
    pub(crate) fn print(&self) {
        let style = Style::stdout();
        let mark = match self.level {
            Level::Ok => style.good("ok  "),
            Level::Hint => style.warn("hint"),
            Level::Bad => style.bad("bad "),
        };
        let found = self.found.replace('\n', "\n        ");
        output::line(format_args!("{mark}  {}: {found}", self.about));
        if let Some(mend) = &self.mend {
            output::line(format_args!("      -> {}", mend.replace('\n', "\n         ")));
        }
    }
}
