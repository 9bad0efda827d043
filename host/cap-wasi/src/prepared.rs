use std::sync::Arc;

use tidegate_capability::{ComponentInfo, Ctx, GuestLog, PrepareError, Prepared};
use tidegate_grant::Grant;
use tracing::Level;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::filesystem::{WasiFilesystemCtx, WasiFilesystemView as _};

use crate::clock::Timers;
use crate::directories;
use crate::lines::Lines;

/// Most bytes of one `get-random-bytes`; a longer one traps. The bytes are made in host memory.
const MAX_RANDOM: u64 = 4 * 1024 * 1024;

/// What all instances of one component share.
pub(crate) struct PreparedWasi {
    grant: Arc<Grant>,
    log: Arc<GuestLog>,
    directories: WasiFilesystemCtx,
    timers: Arc<Timers>,
}

impl PreparedWasi {
    pub(crate) fn new(component: &ComponentInfo, timers: Arc<Timers>) -> Result<Self, PrepareError> {
        Ok(Self {
            grant: Arc::clone(&component.grant),
            log: Arc::new(GuestLog::new(Arc::clone(&component.name))),
            directories: directories::open(&component.grant.directories)?,
            timers,
        })
    }
}

impl Prepared for PreparedWasi {
    fn wasi(&self, builder: &mut WasiCtxBuilder) -> Result<(), PrepareError> {
        builder
            .stdout(Lines::new(Arc::clone(&self.log), Level::INFO, "stdout"))
            .stderr(Lines::new(Arc::clone(&self.log), Level::WARN, "stderr"))
            .max_random_size(MAX_RANDOM);
        for (name, variable) in &self.grant.environment {
            builder.env(name, &variable.value);
        }
        Ok(())
    }

    fn attach(&self, ctx: &mut Ctx) {
        *ctx.filesystem().ctx = self.directories.clone();
        ctx.slots.insert(Arc::clone(&self.timers));
    }
}
