//! Where it was measured.

use std::fs::read_to_string;

/// Cores, processor, kernel, load: without them a figure says nothing.
pub(crate) fn line() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name") || line.starts_with("Model"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{cores} cores, {}, {} {}, load {} at the start",
        model.unwrap_or_else(|| "unknown processor".to_owned()),
        std::env::consts::OS,
        kernel.trim(),
        load.split(' ').next().unwrap_or("?")
    )
}
