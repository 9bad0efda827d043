use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// At most so many events a second on average, with a burst: a token bucket that counts what it turned away.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    burst: f64,
    state: Mutex<State>,
}

/// Whether one event may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may; so many were turned away since the last that was admitted.
    Admitted {
        /// How many were turned away before this one.
        dropped: u64,
    },
    /// It may not, and it is the first of a series: say so once.
    FirstDropped,
    /// It may not.
    Dropped,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Instant,
    dropped: u64,
}

impl Rate {
    /// `per_second` events on average, and up to `burst` at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        let state = State { tokens: burst, at: Instant::now(), dropped: 0 };
        Self { per_second: f64::from(per_second), burst, state: Mutex::new(state) }
    }

    /// Takes a token, if there is one now.
    pub fn admit(&self) -> Admission {
        self.admit_at(Instant::now())
    }

    /// Takes a token, if there is one at `now`.
    pub(crate) fn admit_at(&self, now: Instant) -> Admission {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        state.at = state.at.max(now);
        state.tokens = (state.tokens + passed * self.per_second).min(self.burst);
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            return Admission::Admitted { dropped: std::mem::take(&mut state.dropped) };
        }
        state.dropped += 1;
        if state.dropped == 1 { Admission::FirstDropped } else { Admission::Dropped }
    }
}
