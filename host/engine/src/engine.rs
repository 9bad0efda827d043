//! The engine: what its parts share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate_bundle::{CodeLayout, CodeTarget};

#[cfg(feature = "compile")]
use crate::compile::Compiling;
use crate::config::{CompileLimits, EngineConfig};
use crate::epoch::{Running, Ticker};
use crate::layout::{self, Layout};

/// Compiles, caches, holds the pool and the clock. A clone is the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    wasmtime: wasmtime::Engine,
    target: CodeTarget,
    layout: Layout,
    limits: CompileLimits,
    code_dir: Option<PathBuf>,
    #[cfg(feature = "compile")]
    compiling: Compiling,
    ticker: Ticker,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The program does not call the hook.
    #[error(
        "this process was started to compile: call `tidegate_engine::worker::run_if_asked()` first thing in `main`"
    )]
    NoHook,
    /// The address space is too small for any layout.
    #[error(
        "no address space for the pool: lower `instances` in `[pool]`, or raise the limit on address space (`ulimit -v`)"
    )]
    AddressSpace,
    /// The address space is too small for the one layout that was asked for.
    #[error(
        "no address space for memories that lie `{layout}`, as native code wants them: use code compiled with `--layout \
         compact` and a smaller size, or raise the limit on address space (`ulimit -v`)"
    )]
    Layout {
        /// The layout.
        layout: CodeLayout,
    },
    /// Code of another processor cannot run here.
    #[error("code for {target} cannot run here: this program runs {} and {}", CodeTarget::here(), CodeTarget::pulley())]
    Target {
        /// What was asked for.
        target: CodeTarget,
    },
    /// The runtime refuses its configuration.
    #[error("the runtime does not start: {message}")]
    Runtime {
        /// Why not.
        message: String,
    },
    /// The cache directory is not usable.
    #[error("cannot use `{}` as cache directory", .path.display())]
    CacheDir {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// No thread for the clock.
    #[error("cannot start the thread that ticks")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
}

/// Slots in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Component instances.
    pub component_instances: u64,
    /// Core instances.
    pub core_instances: u64,
    /// Memories.
    pub memories: u64,
    /// Tables.
    pub tables: u64,
    /// Stacks of running calls.
    pub stacks: u64,
    /// Component instances that there may be.
    pub limit: u32,
}

impl Engine {
    /// An engine: chooses a layout for its pool, opens the cache, starts the thread that ticks. Some milliseconds.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        #[cfg(feature = "compile")]
        if crate::wire::asked().is_some() {
            return Err(EngineError::NoHook);
        }
        let (pool, target) = (&config.pool, config.target);
        if ![CodeTarget::here(), CodeTarget::pulley()].contains(&target) {
            return Err(EngineError::Target { target });
        }
        let layout = Layout::choose(pool, target, config.layout, layout::fits)
            .ok_or_else(|| config.layout.map_or(EngineError::AddressSpace, |layout| EngineError::Layout { layout }))?;
        let runtime = |error: wasmtime::Error| EngineError::Runtime { message: format!("{error:#}") };
        let wasmtime = layout.host_config(pool, target).and_then(|config| wasmtime::Engine::new(&config));
        let wasmtime = wasmtime.map_err(runtime)?;
        #[cfg(feature = "compile")]
        let compiling = Compiling::new(&config, &layout, &wasmtime)?;
        let ticker =
            Ticker::start(wasmtime.clone(), config.epoch_period).map_err(|source| EngineError::Thread { source })?;
        let inner = Inner {
            wasmtime,
            target,
            layout,
            limits: config.compile_limits,
            code_dir: config.code_dir,
            #[cfg(feature = "compile")]
            compiling,
            ticker,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The engine of wasmtime, for linkers and `InstancePre`.
    #[must_use]
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    /// How the pool lies in the address space of this node.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// What kind of code it runs.
    #[must_use]
    pub fn target(&self) -> CodeTarget {
        self.inner.target
    }

    /// Slots in use now.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        let limit = self.layout().instances;
        match self.wasmtime().pooling_allocator_metrics() {
            Some(metrics) => PoolUse {
                component_instances: metrics.component_instances(),
                core_instances: metrics.core_instances(),
                memories: metrics.memories() as u64,
                tables: metrics.tables() as u64,
                stacks: metrics.stacks() as u64,
                limit,
            },
            None => PoolUse { component_instances: 0, core_instances: 0, memories: 0, tables: 0, stacks: 0, limit },
        }
    }

    pub(crate) fn limits(&self) -> &CompileLimits {
        &self.inner.limits
    }

    pub(crate) fn code_dir(&self) -> Option<&Path> {
        self.inner.code_dir.as_deref()
    }

    #[cfg(feature = "compile")]
    pub(crate) fn compiling(&self) -> &Compiling {
        &self.inner.compiling
    }

    pub(crate) fn ticking(&self) -> Running {
        self.inner.ticker.running()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("layout", self.layout()).finish_non_exhaustive()
    }
}
