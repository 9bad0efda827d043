//! `tidegate:gateway/seal`.

use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_bindings::gateway::tidegate::gateway::seal::{Error, Host};

use super::View;
use crate::seal::Belongs;

/// Longest value: what a round leaves behind may have 64 KiB, and a protocol adds its own.
const VALUE: usize = 256 << 10;
/// Longest context: the longest request that a protocol reads.
const CONTEXT: usize = 8 << 20;
/// Longest lifetime: a week.
const SECONDS: u32 = 604_800;

/// Seconds since 1970: a sealed value expires on every node at the same moment, so monotonic time will not do.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Host for View<'_> {
    fn seal(&mut self, value: Vec<u8>, context: Vec<u8>, seconds: u32) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        if value.len() > VALUE || context.len() > CONTEXT || !(1..=SECONDS).contains(&seconds) {
            return Ok(Err(Error::OutOfBounds));
        }
        let router = self.router()?;
        let Some(salt) = router.random() else { return Ok(Err(Error::Unavailable)) };
        let belongs = Belongs { component: &self.component, identity: &self.principal.identity(), context: &context };
        let until = now().saturating_add(u64::from(seconds));
        Ok(router.seals().seal(&value, &belongs, until, salt).ok_or(Error::Unavailable))
    }

    fn open(&mut self, sealed: Vec<u8>, context: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let belongs = Belongs { component: &self.component, identity: &self.principal.identity(), context: &context };
        Ok(self.router()?.seals().open(sealed, &belongs, now()).ok_or(Error::Invalid))
    }
}
