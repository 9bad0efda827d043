//! `tidegate:model/weights` and `tidegate:model/control`: what a backend sees.

use std::sync::Arc;
use std::time::Instant;

use tidegate_bindings::model_backend::tidegate::model::control::{self, Stop as Why};
use tidegate_bindings::model_backend::tidegate::model::weights::{Error, Host, HostSource, Part, Source as Handle};
use tidegate_capability::{Ctx, Slots};
use tidegate_source_dir::{BLOB_CHUNK, Blob};
use tidegate_supervisor::Limiter;
use wasmtime::component::{HasData, Resource, ResourceTable};

use crate::stop::Bounds;

/// A model's verified files, behind a handle. Cheap to clone: every handle is one of the same files.
#[derive(Debug, Clone)]
pub(crate) struct Source(pub(crate) Arc<Files>);

#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) name: String,
    pub(crate) format: String,
    pub(crate) settings: String,
    pub(crate) parts: Vec<(String, Arc<Blob>)>,
}

/// What the two interfaces see of a store.
pub(crate) struct View<'a> {
    table: &'a mut ResourceTable,
    slots: &'a mut Slots,
}

pub(crate) struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

pub(crate) fn of(ctx: &mut Ctx) -> View<'_> {
    View { table: &mut ctx.table, slots: &mut ctx.slots }
}

impl Source {
    /// Puts a handle into the store of the instance that gets it.
    pub(crate) fn give(&self, ctx: &mut Ctx) -> wasmtime::Result<Resource<Handle>> {
        let handle = ctx.table.push(self.clone())?;
        Ok(Resource::new_own(handle.rep()))
    }
}

impl View<'_> {
    fn files(&self, handle: &Resource<Handle>) -> wasmtime::Result<Arc<Files>> {
        Ok(Arc::clone(&self.table.get(&Resource::<Source>::new_borrow(handle.rep()))?.0))
    }
}

impl Host for View<'_> {}

impl HostSource for View<'_> {
    fn name(&mut self, handle: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.files(&handle)?.name.clone())
    }

    fn format(&mut self, handle: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.files(&handle)?.format.clone())
    }

    fn parts(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Vec<Part>> {
        let part = |(name, blob): &(String, Arc<Blob>)| Part { name: name.clone(), size: blob.size() };
        Ok(self.files(&handle)?.parts.iter().map(part).collect())
    }

    fn settings(&mut self, handle: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.files(&handle)?.settings.clone())
    }

    async fn read(
        &mut self,
        handle: Resource<Handle>,
        part: u32,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let files = self.files(&handle)?;
        let found = usize::try_from(part).ok().and_then(|part| files.parts.get(part));
        let Some((_, blob)) = found else { return Ok(Err(Error::NoPart(part))) };
        if offset > blob.size() {
            return Ok(Err(Error::OutOfRange(blob.size())));
        }
        let blob = Arc::clone(blob);
        let length = u64::from(length).min(BLOB_CHUNK);
        let read = tokio::task::spawn_blocking(move || blob.read(offset, length)).await?;
        Ok(read.map_err(|error| Error::Other(error.to_string())))
    }

    fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Source>::new_own(handle.rep()))?;
        Ok(())
    }
}

impl control::Host for View<'_> {
    fn check(&mut self) -> wasmtime::Result<Result<(), Why>> {
        // Nothing to keep to: an instance that is asked what it can read, for example.
        let Some(bounds) = self.slots.get::<Bounds>() else { return Ok(Ok(())) };
        if bounds.stop.is_cancelled() {
            return Ok(Err(Why::Cancelled));
        }
        Ok(if Instant::now() >= bounds.deadline { Err(Why::Deadline) } else { Ok(()) })
    }

    fn available_memory(&mut self) -> wasmtime::Result<u64> {
        let limiter = self.slots.get::<Limiter>();
        Ok(limiter.map_or(0, |limiter| limiter.limits().memory.saturating_sub(limiter.memory())))
    }
}
