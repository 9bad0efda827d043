//! How much each client, and each tenant, may ask for.
//!
//! A bucket for each: tokens come at a rate up to a burst, and every request takes one; and a count of what runs. Clients
//! that have rested are forgotten: a full bucket with nothing running is as good as none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tidegate_grant::{ClientLimits, Principal};

/// Clients and tenants that are remembered at a time. Beyond, those whose buckets are full are forgotten, then the one
/// that has rested longest: an identity costs more to get than this costs to keep, about 200 bytes each.
const REMEMBERED: usize = 8_192;

/// What every client may ask for, and what it has asked for lately. Clones share it.
#[derive(Clone)]
pub(crate) struct Quotas {
    limits: ClientLimits,
    buckets: Arc<Mutex<HashMap<Key, Bucket>>>,
}

/// Whose bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Client(Vec<u8>),
    Tenant(String),
}

#[derive(Clone, Copy)]
struct Bound {
    rate: u32,
    burst: u32,
    concurrency: u32,
    /// Before each key of the policy.
    prefix: &'static str,
}

struct Bucket {
    /// Requests that may be made at once, at the time `at`.
    tokens: f64,
    at: Instant,
    running: u32,
}

/// The right to one request, as long as it lives.
pub(crate) struct Turn {
    quotas: Quotas,
    keys: Vec<Key>,
}

/// A client asks for more than it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{who} {what}; {key} of [client-limits] in the policy set this limit")]
pub struct Excess {
    who: String,
    what: String,
    key: String,
    /// When it makes sense to try again.
    pub retry: Duration,
}

impl Quotas {
    pub(crate) fn new(limits: ClientLimits) -> Self {
        Self { limits, buckets: Arc::default() }
    }

    /// Takes a token of the client, and of its tenant.
    pub(crate) fn begin(&self, principal: &Principal) -> Result<Turn, Excess> {
        self.begin_at(principal, Instant::now())
    }

    fn begin_at(&self, principal: &Principal, now: Instant) -> Result<Turn, Excess> {
        let mut wanted = vec![(Key::Client(principal.identity()), self.client(), format!("the client `{principal}`"))];
        if let Some(tenant) = principal.tenant() {
            wanted.push((Key::Tenant(tenant.to_owned()), self.tenant(), format!("the tenant `{tenant}`")));
        }
        let mut buckets = self.lock();
        // All or nothing: a tenant that is refused must not cost its client a token.
        for (key, bound, who) in &wanted {
            let fresh = Bucket::fresh(bound, now);
            buckets.get(key).unwrap_or(&fresh).check(bound, who, now)?;
        }
        for (key, bound, _) in &wanted {
            if !buckets.contains_key(key) {
                self.make_room(&mut buckets, now);
            }
            buckets.entry(key.clone()).or_insert_with(|| Bucket::fresh(bound, now)).take(bound, now);
        }
        drop(buckets);
        Ok(Turn { quotas: self.clone(), keys: wanted.into_iter().map(|(key, ..)| key).collect() })
    }

    fn client(&self) -> Bound {
        let ClientLimits { rate, burst, concurrency, .. } = self.limits;
        Bound { rate, burst, concurrency, prefix: "" }
    }

    fn tenant(&self) -> Bound {
        let ClientLimits { tenant_rate: rate, tenant_burst: burst, tenant_concurrency: concurrency, .. } = self.limits;
        Bound { rate, burst, concurrency, prefix: "tenant-" }
    }

    fn make_room(&self, buckets: &mut HashMap<Key, Bucket>, now: Instant) {
        if buckets.len() < REMEMBERED {
            return;
        }
        let (client, tenant) = (self.client(), self.tenant());
        buckets.retain(|key, bucket| {
            let bound = if matches!(key, Key::Client(_)) { &client } else { &tenant };
            bucket.running > 0 || bucket.tokens(bound, now) < f64::from(bound.burst)
        });
        if buckets.len() >= REMEMBERED {
            let resting = buckets.iter().filter(|(_, bucket)| bucket.running == 0);
            let oldest = resting.min_by_key(|(_, bucket)| bucket.at).map(|(key, _)| key.clone());
            oldest.map(|key| buckets.remove(&key));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut buckets = self.quotas.lock();
        for key in &self.keys {
            if let Some(bucket) = buckets.get_mut(key) {
                bucket.running = bucket.running.saturating_sub(1);
            }
        }
    }
}

impl Bucket {
    fn fresh(bound: &Bound, now: Instant) -> Self {
        Self { tokens: f64::from(bound.burst), at: now, running: 0 }
    }

    fn tokens(&self, bound: &Bound, now: Instant) -> f64 {
        let rested = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + rested * f64::from(bound.rate)).min(f64::from(bound.burst))
    }

    fn check(&self, bound: &Bound, who: &str, now: Instant) -> Result<(), Excess> {
        let Bound { rate, burst, concurrency, prefix } = bound;
        let who = who.to_owned();
        if self.running >= *concurrency {
            let what = format!("has {concurrency} requests running: at most so many at a time");
            let key = format!("`{prefix}concurrency`");
            return Err(Excess { who, what, key, retry: Duration::from_secs(1) });
        }
        let tokens = self.tokens(bound, now);
        if tokens >= 1.0 {
            return Ok(());
        }
        let what = format!("makes more than {rate} requests a second, after {burst} at once");
        let key = format!("`{prefix}rate` and `{prefix}burst`");
        Err(Excess { who, what, key, retry: Duration::from_secs_f64((1.0 - tokens) / f64::from((*rate).max(1))) })
    }

    fn take(&mut self, bound: &Bound, now: Instant) {
        self.tokens = self.tokens(bound, now) - 1.0;
        self.at = now;
        self.running += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use tidegate_grant::Reach;

    fn limits() -> ClientLimits {
        ClientLimits { rate: 2, burst: 3, concurrency: 2, tenant_rate: 100, tenant_burst: 100, tenant_concurrency: 3 }
    }

    fn somebody(name: &str, tenant: Option<&str>) -> Principal {
        Principal::new(name, tenant.map(str::to_owned), Reach::Everything)
    }

    #[test]
    fn tokens_come_at_the_rate_and_others_are_not_touched() {
        let (quotas, start) = (Quotas::new(limits()), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let (one, two) = (somebody("one", None), somebody("two", None));
        for _ in 0..3 {
            drop(quotas.begin_at(&one, at(0)).unwrap());
        }
        let excess = quotas.begin_at(&one, at(0)).err().unwrap();
        assert_eq!(excess.retry, Duration::from_millis(500));
        let text = excess.to_string();
        assert!(text.contains("`rate` and `burst` of [client-limits]") && text.contains("`one`"), "{text}");
        drop(quotas.begin_at(&two, at(0)).unwrap());
        assert!(quotas.begin_at(&one, at(499)).is_err());
        drop(quotas.begin_at(&one, at(501)).unwrap());
        assert!(quotas.begin_at(&one, at(502)).is_err());
    }

    #[test]
    fn what_runs_is_counted_for_clients_and_tenants() {
        let (quotas, now) = (Quotas::new(limits()), Instant::now());
        let (one, two) = (somebody("one", Some("t")), somebody("two", Some("t")));
        let first = quotas.begin_at(&one, now).unwrap();
        let _second = quotas.begin_at(&one, now).unwrap();
        assert!(quotas.begin_at(&one, now).err().unwrap().to_string().contains("`concurrency`"));
        let _third = quotas.begin_at(&two, now).unwrap();
        let excess = quotas.begin_at(&two, now).err().unwrap().to_string();
        assert!(excess.contains("the tenant `t`") && excess.contains("`tenant-concurrency`"), "{excess}");
        drop(first);
        quotas.begin_at(&two, now).unwrap();
    }

    #[test]
    fn many_clients_do_not_fill_the_memory() {
        let (quotas, start) = (Quotas::new(limits()), Instant::now());
        let busy = somebody("busy", None);
        let _turn = quotas.begin_at(&busy, start).unwrap();
        for n in 0..2 * REMEMBERED as u64 {
            drop(quotas.begin_at(&somebody(&n.to_string(), None), start + Duration::from_micros(n)).unwrap());
        }
        assert!(quotas.lock().len() <= REMEMBERED);
        assert!(quotas.lock().contains_key(&Key::Client(busy.identity())), "what runs is not forgotten");
    }
}
