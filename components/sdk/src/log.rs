//! The node's log. For messages to the caller use [`crate::Call::log`].
//!
//! Limits: 8 KiB a line, 100 lines a second on average; more are counted and dropped. What a component prints to stdout
//! or stderr goes to the same log.
use crate::bindings::imports::tidegate::host::log as wit;
use crate::content::Severity;

/// Writes a line.
pub fn write(severity: Severity, message: &str) {
    wit::write(severity, message);
}

/// Detail for developers.
pub fn debug(message: &str) {
    write(Severity::Debug, message);
}

/// Ordinary progress.
pub fn info(message: &str) {
    write(Severity::Info, message);
}

/// Something may be wrong.
pub fn warning(message: &str) {
    write(Severity::Warning, message);
}

/// An operation failed.
pub fn error(message: &str) {
    write(Severity::Error, message);
}
