//! How the pool lies in the address space, and the configuration that host and compile child share.

use std::fmt;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use tidegate_bundle::{CodeLayout, CodeTarget};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::config::Pool;
use crate::limiter::{MAX_MEMORIES, MAX_TABLES};
use crate::text;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Room for the host's functions on a call's stack, at least. They run on it: TLS and HTTP need some hundred KiB in a
/// debug build, and overflowing it ends the process.
const HOST_STACK: u64 = 1536 * KIB;
/// Memory kept, and cleared by hand, in a free slot: store and instance take 4.6 us instead of 8.0 us. Where the kernel
/// says which pages were touched (`PAGEMAP_SCAN`, Linux 6.7), so many touched ones, wherever they lie; elsewhere the
/// first ones, which a Rust guest does not use: its stack grows down from 1 MiB, and its data lies above.
const KEEP_RESIDENT: u64 = 64 * KIB;
/// The same for tables, which are small in most components.
const TABLE_KEEP_RESIDENT: u64 = 8 * KIB;
/// Frames in the backtrace of a trap: enough to find the place, not enough for a recursion to fill the log.
const BACKTRACE_FRAMES: usize = 16;
/// Memories for each instance slot: composed components have more than one, most have exactly one.
const MEMORIES_PER_4_INSTANCES: u64 = 5;
/// Tables for each instance slot: its own, and those that adapters make.
const TABLES_PER_INSTANCE: u64 = 3;
/// Fewer slots than this are not worth a start.
const MIN_INSTANCES: u32 = 8;

/// What was chosen at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Whether accesses need bounds checks.
    pub kind: LayoutKind,
    /// Component instances alive at once; may be fewer than asked for.
    pub instances: u32,
    /// Largest linear memory, in bytes; may be smaller than asked for.
    pub max_memory: u64,
    /// Address space of one linear memory, in bytes, without its guard.
    pub reservation: u64,
    /// Inaccessible bytes after each linear memory.
    pub guard: u64,
    /// Address space of the whole pool, in bytes, about.
    pub total: u64,
    /// Whether instances or memory are fewer than asked for.
    pub reduced: bool,
}

/// Whether the address space is large enough to leave out bounds checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayoutKind {
    /// 4 GiB and a guard for each memory: no bounds checks.
    Generous,
    /// Exactly what a memory may grow to: with bounds checks, which cost up to 45 % on tight loops. For 39-bit kernels
    /// and limited address spaces.
    Compact,
}

impl Layout {
    /// The first layout that fits, the best one first. `wanted`: what the code to run was compiled for; then only the number
    /// of instances may be reduced. `fits` says whether so many bytes can be reserved.
    pub(crate) fn choose(
        pool: &Pool,
        target: CodeTarget,
        wanted: Option<CodeLayout>,
        fits: impl Fn(u64) -> bool,
    ) -> Option<Self> {
        let mut candidates = Vec::new();
        // The interpreter checks bounds anyway: more address space would gain nothing.
        if wanted.is_none() && !target.is_pulley() {
            candidates.push(Self::new(pool, LayoutKind::Generous, pool.instances, pool.max_memory));
        }
        let mut instances = pool.instances;
        loop {
            match wanted {
                Some(CodeLayout::Generous) => {
                    candidates.push(Self::new(pool, LayoutKind::Generous, instances, pool.max_memory));
                }
                Some(CodeLayout::Compact { max_memory }) => {
                    // Asked for, and so not reduced.
                    let pool = Pool { max_memory, ..pool.clone() };
                    candidates.push(Self::new(&pool, LayoutKind::Compact, instances, max_memory));
                }
                None => candidates.extend([1, 4, 16].map(|divisor| {
                    let memory = (pool.max_memory / divisor).max(pool.max_memory.min(64 * MIB));
                    Self::new(pool, LayoutKind::Compact, instances, memory)
                })),
            }
            if instances <= MIN_INSTANCES {
                break;
            }
            instances = (instances / 2).max(MIN_INSTANCES);
        }
        candidates.into_iter().find(|layout| fits(layout.total))
    }

    /// The layout that code is compiled for, to run on another node.
    #[cfg(feature = "compile")]
    pub(crate) fn of_code(code: CodeLayout) -> Self {
        let pool = Pool { instances: 1, ..Pool::default() };
        match code {
            CodeLayout::Generous => Self::new(&pool, LayoutKind::Generous, 1, pool.max_memory),
            CodeLayout::Compact { max_memory } => Self::new(&pool, LayoutKind::Compact, 1, max_memory),
        }
    }

    /// What code must have been compiled for to run in it.
    #[must_use]
    pub fn code(&self) -> CodeLayout {
        match self.kind {
            LayoutKind::Generous => CodeLayout::Generous,
            LayoutKind::Compact => CodeLayout::Compact { max_memory: self.reservation },
        }
    }

    fn new(pool: &Pool, kind: LayoutKind, instances: u32, max_memory: u64) -> Self {
        let (reservation, guard) = match kind {
            LayoutKind::Generous => (4 * GIB, 32 * MIB),
            LayoutKind::Compact => (max_memory.next_multiple_of(64 * KIB), 64 * KIB),
        };
        let mut layout = Self { kind, instances, max_memory, reservation, guard, total: 0, reduced: false };
        let tables = layout.tables() * pool.max_table_elements.saturating_mul(8);
        let stacks = u64::from(instances) * async_stack(pool.stack);
        layout.total = layout.memories().saturating_mul(reservation + guard).saturating_add(tables + stacks);
        layout.reduced = instances < pool.instances || max_memory < pool.max_memory;
        layout
    }

    fn memories(&self) -> u64 {
        (u64::from(self.instances) * MEMORIES_PER_4_INSTANCES).div_ceil(4)
    }

    fn tables(&self) -> u64 {
        u64::from(self.instances) * TABLES_PER_INSTANCE
    }

    /// The compiler's configuration, the same in host and child: what it leaves out, it must leave out in both. `target`:
    /// none for this very processor, with all that it can do.
    pub(crate) fn compile_config(&self, stack: u64, target: Option<&str>) -> wasmtime::Result<Config> {
        let mut config = Config::new();
        if let Some(target) = target {
            config.target(target)?;
        }
        config
            .memory_reservation(self.reservation)
            .memory_guard_size(self.guard)
            .memory_reservation_for_growth(0)
            .memory_may_move(false)
            .guard_before_linear_memory(false)
            .memory_init_cow(true)
            .epoch_interruption(true)
            .max_wasm_stack(size(stack))
            .async_stack_size(size(async_stack(stack)))
            .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES))
            // The same result on every processor: a component may be tested on one and run on another.
            .wasm_relaxed_simd(true)
            .relaxed_simd_deterministic(true)
            // Memories shared between threads would escape the limits of a store; nothing in WASI 0.2 needs them.
            .shared_memory(false)
            // Not in the pool's layout, and not in what WASI 0.2 toolchains emit.
            .wasm_memory64(false)
            .wasm_multi_memory(false);
        #[cfg(feature = "compile")]
        config.cranelift_regalloc_algorithm(wasmtime::RegallocAlgorithm::Backtracking);
        Ok(config)
    }

    /// The host's configuration: the compiler's, and the pool.
    pub(crate) fn host_config(&self, pool: &Pool, target: CodeTarget) -> wasmtime::Result<Config> {
        let mut pooling = PoolingAllocationConfig::new();
        pooling
            .total_component_instances(self.instances)
            .total_core_instances(self.instances.saturating_mul(pool.max_core_instances_per_component))
            .total_memories(count(self.memories()))
            .total_tables(count(self.tables()))
            .total_stacks(self.instances)
            .max_core_instances_per_component(pool.max_core_instances_per_component)
            .max_memories_per_component(count(MAX_MEMORIES as u64))
            .max_tables_per_component(count(MAX_TABLES as u64))
            .max_memories_per_module(1)
            .max_tables_per_module(4)
            .max_memory_size(size(self.max_memory))
            .table_elements(size(pool.max_table_elements))
            .linear_memory_keep_resident(size(KEEP_RESIDENT))
            .pagemap_scan(Enabled::Auto)
            .table_keep_resident(size(TABLE_KEEP_RESIDENT));
        let mut config = self.compile_config(pool.stack, interpreted(target))?;
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
        Ok(config)
    }
}

/// What the compiler must be told to make code that runs here: nothing, or that it is to be interpreted.
pub(crate) fn interpreted(target: CodeTarget) -> Option<&'static str> {
    target.is_pulley().then(|| target.name())
}

fn async_stack(stack: u64) -> u64 {
    stack.saturating_add(stack.max(HOST_STACK))
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            LayoutKind::Generous => "no bounds checks",
            LayoutKind::Compact => "bounds checks",
        };
        write!(
            f,
            "{} instances, memories up to {}, {kind}, {} of address space",
            self.instances,
            text::bytes(self.max_memory),
            text::bytes(self.total)
        )?;
        if self.reduced {
            f.write_str("; reduced, because the address space of this node is small")?;
        }
        Ok(())
    }
}

/// Whether so much address space can be reserved, with as much again left for everything else. Nothing stays reserved.
#[allow(unsafe_code, reason = "mmap and munmap are unsafe by nature; rustix has no safe form")]
pub(crate) fn fits(bytes: u64) -> bool {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    let Some(length) = bytes.checked_mul(2).and_then(|bytes| usize::try_from(bytes).ok()).filter(|length| *length > 0)
    else {
        return false;
    };
    // SAFETY: an anonymous mapping at an address that the kernel chooses touches no memory of ours; nobody reads or
    // writes it, and it is unmapped with the very address and length that it was made with.
    unsafe {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        match mmap_anonymous(std::ptr::null_mut(), length, ProtFlags::empty(), flags) {
            Ok(address) => munmap(address, length).is_ok(),
            Err(_) => false,
        }
    }
}
