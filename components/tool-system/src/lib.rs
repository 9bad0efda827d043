//! The state of the node: load, memory, disks and temperatures, through `tidegate:host/system`.

mod readings;
mod render;

use readings::{Disks, Load, MemoryUse, Overview, Temperatures};
use tidegate_sdk::prelude::*;
use tidegate_sdk::system;

fn system_overview(_: NoInput, _: &Call) -> Result<Structured<Overview>, ToolError> {
    let overview = Overview::new(
        system::machine(),
        &system::processor(),
        &system::memory(),
        system::disks(),
        system::temperatures(),
    );
    let text = render::overview(&overview);
    Ok(Structured::new(overview).text(text))
}

fn cpu_load(_: NoInput, _: &Call) -> Result<Structured<Load>, ToolError> {
    let load = Load::new(&system::processor());
    let text = render::load(&load);
    Ok(Structured::new(load).text(text))
}

fn memory_usage(_: NoInput, _: &Call) -> Result<Structured<MemoryUse>, ToolError> {
    let memory = MemoryUse::new(&system::memory());
    let text = render::memory(&memory);
    Ok(Structured::new(memory).text(text))
}

fn disk_usage(_: NoInput, _: &Call) -> Result<Structured<Disks>, ToolError> {
    let disks = Disks::new(system::disks());
    let text = render::disks(&disks);
    Ok(Structured::new(disks).text(text))
}

fn temperatures(_: NoInput, _: &Call) -> Result<Structured<Temperatures>, ToolError> {
    let sensors = Temperatures::new(system::temperatures());
    let text = render::temperatures(&sensors);
    Ok(Structured::new(sensors).text(text))
}

tidegate_sdk::tools! {
    "system_overview" => system_overview {
        title: "System overview",
        description: "The state of the machine this server runs on, at a glance: name, system, uptime, processor load, \
                      memory, disks and temperatures. Start here when asked how the machine is doing. Readings are at \
                      most one second old; sizes are bytes.",
        read_only: true,
        open_world: false,
    },
    "cpu_load" => cpu_load {
        title: "Processor load",
        description: "Processor load of this machine: number of logical processors, mean number of runnable tasks over \
                      1, 5 and 15 minutes, and how busy all processors are right now (0 to 1). A load above the number \
                      of processors means that tasks wait.",
        read_only: true,
        open_world: false,
    },
    "memory_usage" => memory_usage {
        title: "Memory",
        description: "Memory of this machine in bytes: installed, available to programs without swapping, and swap.",
        read_only: true,
        open_world: false,
    },
    "disk_usage" => disk_usage {
        title: "Disks",
        description: "Mounted file systems of this machine: mount point, kind, size and free space in bytes, fullest \
                      first.",
        read_only: true,
        open_world: false,
    },
    "read_temperatures" => temperatures {
        title: "Temperatures",
        description: "Temperature sensors of this machine in degrees Celsius, hottest first. Empty on machines without \
                      sensors, which is usual for virtual ones.",
        read_only: true,
        open_world: false,
    },
}

#[cfg(test)]
mod tests;
