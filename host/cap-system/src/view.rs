//! The host's side of the interface.

use tidegate_bindings::host::tidegate::host::system::{Disk, Host, Machine, Memory, Processor, Sensor};
use tidegate_capability::Ctx;
use wasmtime::component::HasData;
use wasmtime::{Result, format_err};

use crate::System;
use crate::readings::Readings;

/// The store's data as this interface sees it.
pub(crate) struct SystemView<'a> {
    ctx: &'a mut Ctx,
}

pub(crate) struct SystemData;

impl HasData for SystemData {
    type Data<'a> = SystemView<'a>;
}

/// The view of a store.
pub(crate) fn of(ctx: &mut Ctx) -> SystemView<'_> {
    SystemView { ctx }
}

impl SystemView<'_> {
    fn system(&self) -> Result<&System> {
        self.ctx.slots.get::<System>().ok_or_else(|| format_err!("the system capability was not prepared"))
    }
}

impl Host for SystemView<'_> {
    fn get_machine(&mut self) -> Result<Machine> {
        self.system().map(|_| Readings::machine())
    }

    fn get_processor(&mut self) -> Result<Processor> {
        Ok(self.system()?.with(Readings::processor))
    }

    fn get_memory(&mut self) -> Result<Memory> {
        Ok(self.system()?.with(Readings::memory))
    }

    fn get_disks(&mut self) -> Result<Vec<Disk>> {
        Ok(self.system()?.with(Readings::disks))
    }

    fn get_temperatures(&mut self) -> Result<Vec<Sensor>> {
        Ok(self.system()?.with(Readings::sensors))
    }
}
