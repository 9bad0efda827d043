//! What the operating system says, kept for a second.

use std::time::{Duration, Instant};

use sysinfo::{Components, CpuRefreshKind, Disks, MemoryRefreshKind, RefreshKind, System};
use tidegate_bindings::host::tidegate::host::system::{Disk, Machine, Memory, Processor, Sensor};

/// How old a reading may be.
const FRESH: Duration = Duration::from_secs(1);

/// The last reading of each kind, each made when it is first asked for.
pub(crate) struct Readings {
    /// Nothing where the system cannot be asked; readings are zero then.
    system: Option<System>,
    processor: Aged<Processor>,
    memory: Aged<Memory>,
    disks: Aged<Vec<Disk>>,
    sensors: Aged<Vec<Sensor>>,
}

/// A value and when it was read.
pub(crate) struct Aged<T>(Option<(Instant, T)>);

impl<T> Default for Aged<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone> Aged<T> {
    pub(crate) fn get(&mut self, now: Instant, read: impl FnOnce() -> T) -> T {
        if let Some((at, value)) = &self.0
            && now.saturating_duration_since(*at) < FRESH
        {
            return value.clone();
        }
        let value = read();
        self.0 = Some((now, value.clone()));
        value
    }
}

impl Readings {
    /// Processors are read once now, because how busy they are is a difference of two readings.
    pub(crate) fn new() -> Self {
        let kinds = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage());
        Self {
            system: System::new_with_specifics(kinds).inspect_err(unreadable).ok(),
            processor: Aged::default(),
            memory: Aged::default(),
            disks: Aged::default(),
            sensors: Aged::default(),
        }
    }

    pub(crate) fn machine() -> Machine {
        Machine {
            name: System::host_name().unwrap_or_default(),
            system: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            architecture: System::cpu_arch(),
            uptime: System::uptime().unwrap_or_default(),
        }
    }

    pub(crate) fn processor(&mut self, now: Instant) -> Processor {
        let system = self.system.as_mut();
        self.processor.get(now, || {
            let load = System::load_average().map_or((0.0, 0.0, 0.0), |load| (load.one, load.five, load.fifteen));
            let (count, busy) = system.map_or((0, 0.0), |system| {
                system.refresh_cpu_usage();
                (system.cpus().len(), system.global_cpu_usage())
            });
            Processor {
                count: u32::try_from(count).unwrap_or(u32::MAX),
                load,
                busy: (f64::from(busy) / 100.0).clamp(0.0, 1.0),
            }
        })
    }

    pub(crate) fn memory(&mut self, now: Instant) -> Memory {
        let system = self.system.as_mut();
        self.memory.get(now, || {
            let Some(system) = system else {
                return Memory { total: 0, available: 0, swap_total: 0, swap_used: 0 };
            };
            system.refresh_memory_specifics(MemoryRefreshKind::everything());
            Memory {
                total: system.total_memory(),
                available: system.available_memory(),
                swap_total: system.total_swap(),
                swap_used: system.used_swap(),
            }
        })
    }

    pub(crate) fn disks(&mut self, now: Instant) -> Vec<Disk> {
        self.disks.get(now, || {
            let disks = Disks::new_with_refreshed_list().inspect_err(unreadable).ok();
            let disks = disks.iter().flat_map(|disks| disks.iter()).filter(|disk| disk.total_space() > 0);
            disks
                .map(|disk| Disk {
                    mount: disk.mount_point().to_string_lossy().into_owned(),
                    kind: disk.file_system().to_string_lossy().into_owned(),
                    total: disk.total_space(),
                    available: disk.available_space(),
                })
                .collect()
        })
    }

    pub(crate) fn sensors(&mut self, now: Instant) -> Vec<Sensor> {
        self.sensors.get(now, || {
            let sensors = Components::new_with_refreshed_list().inspect_err(unreadable).ok();
            let read = |sensor: &sysinfo::Component| {
                let celsius = sensor.temperature().filter(|celsius| celsius.is_finite())?;
                Some(Sensor { name: sensor.label().to_owned(), celsius: f64::from(celsius) })
            };
            sensors.iter().flat_map(|sensors| sensors.iter()).filter_map(read).collect()
        })
    }
}

fn unreadable(error: &sysinfo::Error) {
    tracing::warn!(?error, "the system does not say how it is");
}
