//! A registry over HTTP, as clients meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod access;
mod common;
mod keeping;
mod lists;
mod uploads;
