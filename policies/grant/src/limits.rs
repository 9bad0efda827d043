//! Limits that every component runs under.

use std::time::Duration;

/// Bounds on one component. Every field has a policy key of the same name (with `-`), a default and a reason: [`LIMITS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance, all its memories together, in bytes.
    pub memory: u64,
    /// Elements of all tables of one instance.
    pub table_elements: u64,
    /// Core instances inside one component instance.
    pub instances: u32,
    /// Bytes that one host call may bring into the host (arguments lifted out of the guest).
    pub host_call: u64,
    /// Bytes of one call's output: result and events together.
    pub output: u64,
    /// Time of one call, start functions and waiting for the host included.
    pub deadline: Duration,
    /// Calls of this component that run at once; more wait, at most as many again, then they are refused.
    pub concurrency: u32,
}

/// One limit for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitKey {
    /// The policy key.
    pub key: &'static str,
    /// The default as one writes it in a policy file.
    pub default: &'static str,
    /// The largest value that a policy may set.
    pub max: &'static str,
    /// What goes wrong without it.
    pub reason: &'static str,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Limits {
    /// Largest `memory`: the pool reserves address space for it in every slot.
    pub const MAX_MEMORY: u64 = 1024 * MIB;
    /// Largest `table-elements`: the pool reserves 8 bytes for each in every slot.
    pub const MAX_TABLE_ELEMENTS: u64 = 100_000;
    /// Largest `instances`.
    pub const MAX_INSTANCES: u32 = 100;
    /// Largest `host-call` and `output`.
    pub const MAX_BYTES: u64 = 256 * MIB;
    /// Largest `deadline`.
    pub const MAX_DEADLINE: Duration = Duration::from_secs(24 * 3600);
    /// Largest `concurrency`.
    pub const MAX_CONCURRENCY: u32 = 10_000;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 * MIB,
            table_elements: 20_000,
            instances: 30,
            host_call: 16 * MIB,
            output: 16 * MIB,
            deadline: Duration::from_secs(30),
            concurrency: 64,
        }
    }
}

/// Every limit with its default and its reason, in the order in which people see them.
pub const LIMITS: &[LimitKey] = &[
    LimitKey {
        key: "memory",
        default: "64MiB",
        max: "1GiB",
        reason: "one instance could take all memory of the node, and the kernel would end the host",
    },
    LimitKey {
        key: "table-elements",
        default: "20000",
        max: "100000",
        reason: "a table grows in host memory, 8 bytes an element, beside the memory limit",
    },
    LimitKey {
        key: "instances",
        default: "30",
        max: "100",
        reason: "a small component can instantiate its modules many times and empty the pool for everybody",
    },
    LimitKey {
        key: "host-call",
        default: "16MiB",
        max: "256MiB",
        reason: "a guest could hand a list of any length to the host, which would copy it into host memory",
    },
    LimitKey {
        key: "output",
        default: "16MiB",
        max: "256MiB",
        reason: "results and events wait in host memory until the client has read them",
    },
    LimitKey {
        key: "deadline",
        default: "30s",
        max: "24h",
        reason: "an endless loop would hold its slot, and its client, for ever",
    },
    LimitKey {
        key: "concurrency",
        default: "64",
        max: "10000",
        reason: "one component's calls could take every slot of the pool",
    },
];

/// Bounds on all components together. One pool serves them all, so they hold for the node: policy table `[pool]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolLimits {
    /// Stack of every instance, in bytes.
    pub stack: u64,
    /// Component instances alive at once.
    pub instances: u32,
}

impl PoolLimits {
    /// Largest `stack`: the pool reserves it, and as much again for the host's functions, for every running call.
    pub const MAX_STACK: u64 = 8 * MIB;
    /// Largest `instances`.
    pub const MAX_INSTANCES: u32 = 10_000;
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { stack: 512 * KIB, instances: 1_000 }
    }
}

/// Every limit of the pool with its default and its reason.
pub const POOL_LIMITS: &[LimitKey] = &[
    LimitKey {
        key: "stack",
        default: "512KiB",
        max: "8MiB",
        reason: "unbounded recursion must end in a trap of the component, with room left for the host",
    },
    LimitKey {
        key: "instances",
        default: "1000",
        max: "10000",
        reason: "the pool reserves address space for each; calls beyond wait or are refused, they never fail half-way",
    },
];
