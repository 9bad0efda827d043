//! Limits that every client runs under, and every tenant.

use crate::LimitKey;

/// Bounds on one client, and on one tenant's clients together: policy table `[client-limits]`. Every field has a key of
/// the same name (with `-`), a default and a reason: [`CLIENT_LIMITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Requests a second that a client may go on making.
    pub rate: u32,
    /// Requests that it may make at once after a rest.
    pub burst: u32,
    /// Requests that run at one time.
    pub concurrency: u32,
    /// As `rate`, of a tenant's clients together.
    pub tenant_rate: u32,
    /// As `burst`, of a tenant's clients together.
    pub tenant_burst: u32,
    /// As `concurrency`, of a tenant's clients together.
    pub tenant_concurrency: u32,
}

impl ClientLimits {
    /// Largest value of each: what no client reaches, so no limit.
    pub const MAX: u32 = 1_000_000;
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            rate: 10_000,
            burst: 10_000,
            concurrency: 256,
            tenant_rate: 20_000,
            tenant_burst: 20_000,
            tenant_concurrency: 512,
        }
    }
}

/// Every limit of clients with its default and its reason, in the order of [`ClientLimits`].
pub const CLIENT_LIMITS: &[LimitKey] = &[
    LimitKey {
        key: "rate",
        default: "10000",
        max: "1000000",
        reason: "one client could take all of the node's computing; the default is about what one core serves",
    },
    LimitKey {
        key: "burst",
        default: "10000",
        max: "1000000",
        reason: "without a burst a client that rests between its requests would wait for nothing",
    },
    LimitKey {
        key: "concurrency",
        default: "256",
        max: "1000000",
        reason: "one client's slow calls and open streams could take every connection and every slot of the pool",
    },
    LimitKey {
        key: "tenant-rate",
        default: "20000",
        max: "1000000",
        reason: "a tenant could make many clients, each within its own limit",
    },
    LimitKey {
        key: "tenant-burst",
        default: "20000",
        max: "1000000",
        reason: "as `burst`, for a tenant's clients together",
    },
    LimitKey {
        key: "tenant-concurrency",
        default: "512",
        max: "1000000",
        reason: "as `concurrency`, for a tenant's clients together: half of the connections are for others",
    },
];
