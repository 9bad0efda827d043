//! Readings as text for people and models.
use crate::readings::{DiskUse, Disks, Load, MemoryUse, Overview, Temperature, Temperatures};

pub(crate) fn overview(overview: &Overview) -> String {
    let mut text = format!(
        "{} ({}, {}), up {}\n{}\n{}\n",
        overview.name,
        overview.system,
        overview.architecture,
        duration(overview.uptime_seconds),
        load(&overview.load),
        memory(&overview.memory)
    );
    overview.disks.iter().for_each(|one| text.push_str(&format!("Disk {}\n", disk(one))));
    overview.temperatures.iter().for_each(|one| text.push_str(&format!("Temperature {}\n", temperature(one))));
    text
}

pub(crate) fn load(load: &Load) -> String {
    format!(
        "Load {:.2} / {:.2} / {:.2} (1, 5, 15 minutes) on {} processors, {:.0} % busy",
        load.load_1m,
        load.load_5m,
        load.load_15m,
        load.processors,
        load.busy * 100.0
    )
}

pub(crate) fn memory(memory: &MemoryUse) -> String {
    format!(
        "Memory {} available of {} ({:.0} % in use), swap {} of {} in use",
        bytes(memory.available_bytes),
        bytes(memory.total_bytes),
        memory.used_share * 100.0,
        bytes(memory.swap_used_bytes),
        bytes(memory.swap_total_bytes)
    )
}

pub(crate) fn disks(disks: &Disks) -> String {
    match disks.disks.as_slice() {
        [] => String::from("No mounted file system has a size."),
        some => some.iter().map(disk).collect::<Vec<_>>().join("\n"),
    }
}

pub(crate) fn temperatures(temperatures: &Temperatures) -> String {
    match temperatures.sensors.as_slice() {
        [] => String::from("This machine has no temperature sensors."),
        some => some.iter().map(temperature).collect::<Vec<_>>().join("\n"),
    }
}

fn disk(disk: &DiskUse) -> String {
    format!(
        "{} ({}): {} free of {} ({:.0} % in use)",
        disk.mount,
        disk.kind,
        bytes(disk.available_bytes),
        bytes(disk.total_bytes),
        disk.used_share * 100.0
    )
}

fn temperature(temperature: &Temperature) -> String {
    format!("{}: {:.1} °C", temperature.name, temperature.celsius)
}

/// Binary units, as memory is made: `1.5 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    #[allow(clippy::cast_precision_loss, reason = "one digit is shown")]
    let mut value = bytes as f64;
    let mut shown = "B";
    for unit in UNITS {
        shown = unit;
        if value < 1024.0 {
            break;
        }
        if unit != "PiB" {
            value /= 1024.0;
        }
    }
    if shown == "B" { format!("{value:.0} B") } else { format!("{value:.1} {shown}") }
}

/// `3 d 4 h 5 min`.
pub(crate) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h {minutes} min"),
    }
}
