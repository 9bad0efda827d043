//! What a process uses, and how long things take.

use std::time::Duration;

use anyhow::{Context, Result};

/// Private memory of a process, in bytes: its resident pages that no file backs. What is mapped from files (the binary
/// itself, on first use) is no leak.
///
/// # Errors
/// The process is gone.
pub fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the host is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no `RssAnon`")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

/// The value below which `share` (0 to 1) of the times lie.
#[must_use]
pub fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index of a short list"
    )]
    let at = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
    times.get(at).copied().unwrap_or_default()
}

/// Waits until something holds, at most 10 seconds; whether it did.
pub fn settled(mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..500 {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    holds()
}
