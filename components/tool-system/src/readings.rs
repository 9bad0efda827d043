//! Readings as results: the host's numbers and what follows from them.
use tidegate_sdk::prelude::*;
use tidegate_sdk::system;

/// The node at a glance.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Overview {
    /// Host name.
    pub(crate) name: String,
    /// Operating system and its version.
    pub(crate) system: String,
    /// Processor architecture.
    pub(crate) architecture: String,
    /// Seconds since the machine started.
    pub(crate) uptime_seconds: u64,
    /// Processors.
    pub(crate) load: Load,
    /// Memory.
    pub(crate) memory: MemoryUse,
    /// Disks, fullest first.
    pub(crate) disks: Vec<DiskUse>,
    /// Temperatures, hottest first.
    pub(crate) temperatures: Vec<Temperature>,
}

/// Processor load.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Load {
    /// Logical processors.
    pub(crate) processors: u32,
    /// Runnable tasks, mean over one minute.
    pub(crate) load_1m: f64,
    /// Runnable tasks, mean over five minutes.
    pub(crate) load_5m: f64,
    /// Runnable tasks, mean over fifteen minutes.
    pub(crate) load_15m: f64,
    /// Share of time the processors are busy, 0 to 1.
    pub(crate) busy: f64,
}

/// Memory in bytes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MemoryUse {
    /// Installed, bytes.
    pub(crate) total_bytes: u64,
    /// Available to programs without swapping, bytes.
    pub(crate) available_bytes: u64,
    /// Share of memory in use, 0 to 1.
    pub(crate) used_share: f64,
    /// Swap installed, bytes.
    pub(crate) swap_total_bytes: u64,
    /// Swap in use, bytes.
    pub(crate) swap_used_bytes: u64,
}

/// Mounted file systems.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Disks {
    /// Fullest first.
    pub(crate) disks: Vec<DiskUse>,
}

/// A mounted file system.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DiskUse {
    /// Mount point.
    pub(crate) mount: String,
    /// Kind, `ext4` for example.
    pub(crate) kind: String,
    /// Size, bytes.
    pub(crate) total_bytes: u64,
    /// Free for programs, bytes.
    pub(crate) available_bytes: u64,
    /// Share in use, 0 to 1.
    pub(crate) used_share: f64,
}

/// Temperature sensors.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Temperatures {
    /// Hottest first.
    pub(crate) sensors: Vec<Temperature>,
}

/// A temperature sensor.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Temperature {
    /// Name as the system gives it.
    pub(crate) name: String,
    /// Degrees Celsius.
    pub(crate) celsius: f64,
}

impl Overview {
    pub(crate) fn new(
        machine: system::Machine,
        processor: &system::Processor,
        memory: &system::Memory,
        disks: Vec<system::Disk>,
        sensors: Vec<system::Sensor>,
    ) -> Self {
        Self {
            name: machine.name,
            system: machine.system,
            architecture: machine.architecture,
            uptime_seconds: machine.uptime,
            load: Load::new(processor),
            memory: MemoryUse::new(memory),
            disks: Disks::new(disks).disks,
            temperatures: Temperatures::new(sensors).sensors,
        }
    }
}

impl Load {
    pub(crate) fn new(processor: &system::Processor) -> Self {
        let (load_1m, load_5m, load_15m) = processor.load;
        Self { processors: processor.count, load_1m, load_5m, load_15m, busy: rounded(processor.busy) }
    }
}

impl MemoryUse {
    pub(crate) fn new(memory: &system::Memory) -> Self {
        Self {
            total_bytes: memory.total,
            available_bytes: memory.available,
            used_share: used(memory.total, memory.available),
            swap_total_bytes: memory.swap_total,
            swap_used_bytes: memory.swap_used,
        }
    }
}

impl Disks {
    pub(crate) fn new(disks: Vec<system::Disk>) -> Self {
        let mut disks: Vec<DiskUse> = disks
            .into_iter()
            .map(|disk| DiskUse {
                used_share: used(disk.total, disk.available),
                mount: disk.mount,
                kind: disk.kind,
                total_bytes: disk.total,
                available_bytes: disk.available,
            })
            .collect();
        disks.sort_by(|a, b| b.used_share.total_cmp(&a.used_share).then_with(|| a.mount.cmp(&b.mount)));
        Self { disks }
    }
}

impl Temperatures {
    pub(crate) fn new(sensors: Vec<system::Sensor>) -> Self {
        let mut sensors: Vec<Temperature> = sensors
            .into_iter()
            // A sensor that is not connected reads as NaN, which JSON cannot say.
            .filter(|sensor| sensor.celsius.is_finite())
            .map(|sensor| Temperature { name: sensor.name, celsius: (sensor.celsius * 10.0).round() / 10.0 })
            .collect();
        sensors.sort_by(|a, b| b.celsius.total_cmp(&a.celsius));
        Self { sensors }
    }
}

fn used(total: u64, available: u64) -> f64 {
    if total == 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "a share needs three digits")]
    let share = total.saturating_sub(available) as f64 / total as f64;
    rounded(share)
}

/// Three digits: more are noise, and cost a model tokens.
fn rounded(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}
