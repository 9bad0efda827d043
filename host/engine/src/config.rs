//! What an engine is built from.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_bundle::{CodeLayout, CodeTarget};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Everything that an engine is built from. `EngineConfig::new(key)` has the defaults.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Slots for instances, reserved at the start.
    pub pool: Pool,
    /// What kind of code runs: that of this processor, or the interpreter's, which needs no memory that can be executed and is
    /// an order of magnitude slower.
    pub target: CodeTarget,
    /// How memories lie in the address space, if the code to run was compiled for one layout; none: the best that fits.
    pub layout: Option<CodeLayout>,
    /// Where compiled components are kept between runs; none: every start compiles.
    pub cache_dir: Option<PathBuf>,
    /// Bytes that the cache may hold; beyond, what was not used for longest goes.
    pub cache_bytes: u64,
    /// A folder of this host. On a disk of this machine, code that runs is mapped from files without a name there, so that it
    /// costs memory only as far as it runs; none: from files in memory.
    pub code_dir: Option<PathBuf>,
    /// Authenticates what this host compiled.
    pub host_key: HostKey,
    /// The program that compiles; none: components are refused as [`crate::LoadError::NoCompiler`] says. A build without
    /// the feature `compile` has none, whatever stands here.
    pub compiler: Option<Compiler>,
    /// Bounds on one compilation.
    pub compile_limits: CompileLimits,
    /// Time between two ticks while a call runs. Every guest gives its thread back once per tick, and deadlines are
    /// kept to about one tick. A tick costs one wake-up of a thread, about 5 us of CPU: 0.5 % of one core at 1 ms,
    /// nothing while no call runs.
    pub epoch_period: Duration,
}

/// Slots for instances. One pool serves all components of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Component instances alive at once.
    pub instances: u32,
    /// Stack of one running call for the guest, in bytes. The host's functions have at least as much again.
    pub stack: u64,
    /// Largest linear memory, in bytes. Address space, not memory, is reserved for it in every slot.
    pub max_memory: u64,
    /// Largest table, in elements of 8 bytes.
    pub max_table_elements: u64,
    /// Core instances inside one component.
    pub max_core_instances_per_component: u32,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            instances: 1_000,
            stack: 512 * KIB,
            max_memory: GIB,
            max_table_elements: 100_000,
            max_core_instances_per_component: 100,
        }
    }
}

/// A secret of this host, 32 random bytes made at its first start. Never in logs: `Debug` hides it.
#[derive(Clone)]
pub struct HostKey(pub [u8; 32]);

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey(..)")
    }
}

/// The program that compiles, in a process of its own. It calls `worker::run_if_asked` first thing in `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// Its path. It gets an empty environment and `/` as its directory.
    pub program: PathBuf,
    /// Arguments before the one that asks for the compile child.
    pub args: Vec<OsString>,
}

impl Default for Compiler {
    /// This executable. On Linux through `/proc/self/exe`, which is the running one also after an update replaced the file.
    fn default() -> Self {
        let program = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tidegate"))
        };
        Self { program, args: Vec::new() }
    }
}

/// Bounds on one compilation. A valid component of 1.5 KB can make a compiler use more than 1 GB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileLimits {
    /// Address space of the child, in bytes; setting `compile.memory`.
    pub memory: u64,
    /// CPU time of the child, counted in whole seconds; setting `compile.cpu`.
    pub cpu: Duration,
    /// Time from start to end; setting `compile.wall`.
    pub wall: Duration,
    /// Bytes of native code; setting `compile.output`.
    pub output: u64,
    /// Bytes of the component; setting `compile.input`.
    pub input: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            memory: GIB,
            cpu: Duration::from_secs(60),
            wall: Duration::from_secs(120),
            output: 256 * MIB,
            input: 64 * MIB,
        }
    }
}

impl EngineConfig {
    /// The defaults, without a cache directory.
    #[must_use]
    pub fn new(host_key: HostKey) -> Self {
        Self {
            pool: Pool::default(),
            target: CodeTarget::here(),
            layout: None,
            cache_dir: None,
            cache_bytes: GIB,
            code_dir: None,
            host_key,
            compiler: cfg!(feature = "compile").then(Compiler::default),
            compile_limits: CompileLimits::default(),
            epoch_period: Duration::from_millis(1),
        }
    }
}
