use std::sync::Arc;

use tracing::Level;

use crate::{Admission, Rate};

/// What a component writes to the node's log, line by line: target `guest`, with the component's name.
///
/// Lines are bounded in length and rate, and control characters are shown as escapes, so that a component can neither
/// fill the disk nor forge lines of others nor steer a terminal. Nothing of it reaches a protocol stream.
#[derive(Debug)]
pub struct GuestLog {
    component: Arc<str>,
    rate: Rate,
}

impl GuestLog {
    /// Longest line, in bytes; longer ones are cut and say so. A line is held in memory until its end comes.
    pub const LINE: usize = 8 * 1024;
    /// Lines a second on average. More would make the log the slowest and the largest thing on the node.
    pub const LINES_PER_SECOND: u32 = 100;
    /// Lines at once: a panic with its backtrace fits.
    pub const BURST: u32 = 200;

    /// The log of one component; all its instances share it, so that the rate holds for the component.
    #[must_use]
    pub fn new(component: Arc<str>) -> Self {
        Self { component, rate: Rate::new(Self::LINES_PER_SECOND, Self::BURST) }
    }

    /// Writes a line of `source` (`stdout`, `stderr`, `log`).
    pub fn write(&self, level: Level, source: &'static str, line: &str) {
        let component = &*self.component;
        match self.rate.admit() {
            Admission::Dropped => return,
            Admission::FirstDropped => {
                let per_second = Self::LINES_PER_SECOND;
                tracing::warn!(target: "guest", component, "more than {per_second} lines a second: dropping some");
                return;
            }
            Admission::Admitted { dropped: 0 } => {}
            Admission::Admitted { dropped } => tracing::warn!(target: "guest", component, "{dropped} lines dropped"),
        }
        let line = printable(line);
        match level {
            Level::ERROR => tracing::error!(target: "guest", component, source, "{line}"),
            Level::WARN => tracing::warn!(target: "guest", component, source, "{line}"),
            Level::INFO => tracing::info!(target: "guest", component, source, "{line}"),
            Level::DEBUG => tracing::debug!(target: "guest", component, source, "{line}"),
            Level::TRACE => tracing::trace!(target: "guest", component, source, "{line}"),
        }
    }
}

/// The line without control characters and without its end beyond [`GuestLog::LINE`].
pub(crate) fn printable(line: &str) -> String {
    let mut end = line.len().min(GuestLog::LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, cut) = line.split_at_checked(end).unwrap_or((line, ""));
    let mut text = String::with_capacity(kept.len());
    for character in kept.chars() {
        if character.is_control() && character != '\t' {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    if !cut.is_empty() {
        text.push_str(" [cut: ");
        text.push_str(&cut.len().to_string());
        text.push_str(" bytes more]");
    }
    text
}
