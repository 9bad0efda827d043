//! tidegate:host log, config and secrets.
