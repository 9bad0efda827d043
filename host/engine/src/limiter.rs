//! What one store may take: memories, tables, instances.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::ResourceLimiter;

use crate::text;

/// Memories in one store. Composed components have a few; each takes a slot of the pool.
pub const MAX_MEMORIES: usize = 10;
/// Tables in one store. A component of a WASI toolchain has two to four; each takes a slot of the pool.
pub const MAX_TABLES: usize = 20;

/// Bounds on one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Linear memory, all memories together, in bytes.
    pub memory: u64,
    /// Elements of all tables together.
    pub table_elements: u64,
    /// Core instances.
    pub instances: u32,
}

/// Refuses what goes beyond the limits, and remembers what it refused. A clone is the same limiter: one goes into the
/// store's data, one to [`crate::Engine::store`], which reads it when a call fails.
#[derive(Debug, Clone)]
pub struct Limiter {
    limits: StoreLimits,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    memory: u64,
    table_elements: u64,
    refusal: Option<Refusal>,
}

/// What was asked for beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Which limit.
    pub limit: Limit,
    /// Its value.
    pub allowed: u64,
    /// What there would have been in all.
    pub wanted: u64,
}

/// The limits of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of linear memory.
    Memory,
    /// Elements of tables.
    TableElements,
    /// Core instances.
    Instances,
    /// How many memories: [`MAX_MEMORIES`].
    Memories,
    /// How many tables: [`MAX_TABLES`].
    Tables,
}

impl Limit {
    /// The policy key that sets it, if there is one.
    #[must_use]
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::Memory => Some("memory"),
            Self::TableElements => Some("table-elements"),
            Self::Instances => Some("instances"),
            Self::Memories | Self::Tables => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (allowed, wanted) = (self.allowed, self.wanted);
        match self.limit {
            Limit::Memory => {
                write!(f, "memory limit of {}, it asked for {}", text::bytes(allowed), text::bytes(wanted))?;
            }
            Limit::TableElements => write!(f, "limit of {allowed} table elements, it asked for {wanted}")?,
            Limit::Instances => write!(f, "limit of {allowed} core instances")?,
            Limit::Memories => write!(f, "limit of {allowed} memories")?,
            Limit::Tables => write!(f, "limit of {allowed} tables")?,
        }
        match self.limit.key() {
            Some(key) => write!(f, " (policy key `{key}`)"),
            None => Ok(()),
        }
    }
}

impl Limiter {
    /// A limiter for one store.
    #[must_use]
    pub fn new(limits: StoreLimits) -> Self {
        Self { limits, state: Arc::default() }
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> StoreLimits {
        self.limits
    }

    /// What was refused last, if anything was.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.state().refusal
    }

    /// Bytes of linear memory that the store has.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.state().memory
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `used` may grow by `desired - current`; counts it if so.
fn grow(used: &mut u64, allowed: u64, current: usize, desired: usize) -> Result<(), u64> {
    let wanted = used.saturating_add(desired.saturating_sub(current) as u64);
    if wanted > allowed {
        return Err(wanted);
    }
    *used = wanted;
    Ok(())
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let allowed = self.limits.memory;
        let mut state = self.state();
        let grown = grow(&mut state.memory, allowed, current, desired);
        if let Err(wanted) = grown {
            state.refusal = Some(Refusal { limit: Limit::Memory, allowed, wanted });
        }
        Ok(grown.is_ok())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let allowed = self.limits.table_elements;
        let mut state = self.state();
        let grown = grow(&mut state.table_elements, allowed, current, desired);
        if let Err(wanted) = grown {
            state.refusal = Some(Refusal { limit: Limit::TableElements, allowed, wanted });
        }
        Ok(grown.is_ok())
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}
