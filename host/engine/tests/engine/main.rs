//! The engine with real components, a real compile child and real limits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bombs;
mod cache;
mod calls;
mod child;
mod common;
mod native;
