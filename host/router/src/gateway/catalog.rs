//! `tidegate:gateway/catalog`.

use tidegate_bindings::gateway::tidegate::gateway::catalog::{
    Host, HostWatch, Overview, PromptEntry, Range, ToolEntry, Watch as Handle,
};
use tidegate_bindings::types::content::ResourceEntry;
use tidegate_bindings::types::event::Change;
use tidegate_bindings::types::resources::Template;
use wasmtime::component::Resource;
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use super::View;
use crate::changes::Watch;
use crate::seen::Seen;

/// Entries that one list call gives: a guest that asks for more would only fill its own memory.
const LIMIT: u32 = 1_000;

/// A part of a list.
fn part<'a, T: Clone + 'a>(all: impl Iterator<Item = &'a T>, range: Range) -> Vec<T> {
    all.skip(range.offset as usize).take(range.limit.min(LIMIT) as usize).cloned().collect()
}

impl View<'_> {
    /// What the client sees of the catalog.
    fn seen<T>(&self, look: impl FnOnce(&Seen<'_>) -> T) -> wasmtime::Result<T> {
        let catalog = self.router()?.catalog();
        Ok(look(&Seen::new(&catalog, &self.principal)))
    }
}

impl Host for View<'_> {
    fn get_overview(&mut self) -> wasmtime::Result<Overview> {
        self.seen(|seen| seen.overview())
    }

    fn list_tools(&mut self, range: Range) -> wasmtime::Result<Vec<ToolEntry>> {
        self.seen(|seen| part(seen.tools(), range))
    }

    fn get_tool(&mut self, name: String) -> wasmtime::Result<Option<ToolEntry>> {
        self.seen(|seen| seen.tool(&name).ok().map(|(_, entry)| entry.clone()))
    }

    fn list_resources(&mut self, range: Range) -> wasmtime::Result<Vec<ResourceEntry>> {
        self.seen(|seen| part(seen.resources(), range))
    }

    fn list_templates(&mut self, range: Range) -> wasmtime::Result<Vec<Template>> {
        self.seen(|seen| part(seen.templates(), range))
    }

    fn list_prompts(&mut self, range: Range) -> wasmtime::Result<Vec<PromptEntry>> {
        self.seen(|seen| part(seen.prompts(), range))
    }
}

fn own(handle: &Resource<Handle>) -> Resource<Watch> {
    Resource::new_borrow(handle.rep())
}

impl HostWatch for View<'_> {
    fn new(&mut self) -> wasmtime::Result<Resource<Handle>> {
        let watch = self.router()?.watch();
        let watch = self.table.push(watch)?;
        Ok(Resource::new_own(watch.rep()))
    }

    fn subscribe(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, own(&handle))
    }

    fn next(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Vec<Change>> {
        let changes = self.table.get(&own(&handle))?.next();
        self.seen(|seen| changes.into_iter().filter(|change| seen.concerns(change)).collect())
    }

    fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Watch>::new_own(handle.rep()))?;
        Ok(())
    }
}

#[async_trait]
impl Pollable for Watch {
    async fn ready(&mut self) {
        self.wait().await;
    }
}
