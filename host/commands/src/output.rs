//! What is written to the terminal: colour, and JSON.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::failure::Result;

/// Colour, where the output is a terminal whose user wants it.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// For standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self { colour: std::io::stderr().is_terminal() && tidegate_config::colour_wanted() }
    }

    /// For standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self { colour: std::io::stdout().is_terminal() && tidegate_config::colour_wanted() }
    }

    /// Whether there is colour at all.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.colour
    }

    /// What is wrong.
    #[must_use]
    pub fn bad(self, text: impl Display) -> String {
        self.paint("31;1", text)
    }

    /// What should not be overlooked.
    #[must_use]
    pub fn warn(self, text: impl Display) -> String {
        self.paint("33;1", text)
    }

    /// What went well.
    #[must_use]
    pub fn good(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    /// What matters.
    #[must_use]
    pub fn strong(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    /// What is beside the point.
    #[must_use]
    pub fn dim(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// Texts of components' authors and of signature files: no line breaks, no escape sequences for the terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A line to standard output. A reader that has gone away is no error.
pub fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Indented JSON to standard output.
///
/// # Errors
/// The value is none of JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}
