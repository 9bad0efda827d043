//! `[client-limits]`.

use std::collections::btree_map::Entry;

use tidegate_grant::{CLIENT_LIMITS, ClientLimits};

use super::Reader;
use crate::document::Value;

impl Reader<'_, '_> {
    pub(super) fn client_limits(&mut self, value: &Value<'_>) {
        let Some(table) = self.document.table(value, "client-limits") else { return };
        let keys: Vec<&str> = CLIENT_LIMITS.iter().map(|limit| limit.key).collect();
        self.document.check_keys(table, "[client-limits]", &keys);
        for limit in CLIENT_LIMITS {
            let Some(value) = table.get(limit.key) else { continue };
            if let Some(number) = self.document.number(value, limit.key, 1, u64::from(ClientLimits::MAX)) {
                let number = u32::try_from(number).unwrap_or(ClientLimits::MAX);
                set(&mut self.collected.policy.client_limits, limit.key, number);
            }
            match self.collected.policy.client_limit_origins.entry(limit.key) {
                Entry::Vacant(entry) => {
                    entry.insert(self.document.origin(&value.span()));
                }
                Entry::Occupied(entry) => {
                    let (key, before) = (limit.key, entry.get());
                    let message = format!("`{key}` of [client-limits] is already set at {before}; it is one for all");
                    self.document.problem(value.span(), message);
                }
            }
        }
    }
}

fn set(limits: &mut ClientLimits, key: &str, number: u32) {
    let field = match key {
        "rate" => &mut limits.rate,
        "burst" => &mut limits.burst,
        "concurrency" => &mut limits.concurrency,
        "tenant-rate" => &mut limits.tenant_rate,
        "tenant-burst" => &mut limits.tenant_burst,
        "tenant-concurrency" => &mut limits.tenant_concurrency,
        _ => return,
    };
    *field = number;
}
