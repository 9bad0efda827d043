//! What every durable file of a node has in common: how it is opened, and the one thread that changes it.
//!
//! Knows nothing of what is kept; the tables and their meaning are their owner's.

mod open;
mod writer;

pub use crate::open::{OpenError, has_tables, open};
pub use crate::writer::{Changes, Stopped, Writer};

#[cfg(test)]
mod tests;
