//! The lock: what a person has approved of each component. Its bytes, its signer, its interfaces, what it may do, and every
//! word that models read about its tools. What differs from it is shown in people's words and needs approval again.
//!
//! Pure: no clock, no IO.

mod advisory;
mod audit;
mod canonical;
mod diff;
mod lock;
mod words;

pub use advisory::{Advisories, Advisory, AdvisoryError};
pub use audit::{Finding, Rule, audit};
pub use canonical::{CanonicalError, definition_hash};
pub use diff::{Change, Changed, differences};
pub use lock::{Lock, LockError, Locked, LockedTool, MAX_LOCK_BYTES};
