//! Load, start, restart, quarantine, drain, retire.
