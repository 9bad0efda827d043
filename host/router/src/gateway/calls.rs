//! `tidegate:gateway/calls`.

use tidegate_bindings::gateway::tidegate::gateway::calls::{
    Call as Handle, Error, Event, Host, HostCall, Outcome, Request,
};
use wasmtime::component::Resource;
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use super::View;
use crate::Call;

fn own(handle: &Resource<Handle>) -> Resource<Call> {
    Resource::new_borrow(handle.rep())
}

impl Host for View<'_> {}

impl HostCall for View<'_> {
    fn new(&mut self, request: Request) -> wasmtime::Result<Resource<Handle>> {
        let router = self.router()?;
        let call = match &self.client {
            Some(client) if !client.has_paid() => router.asked_call(&self.principal, request),
            _ => router.call(&self.principal, request),
        };
        let call = self.table.push(call)?;
        Ok(Resource::new_own(call.rep()))
    }

    fn subscribe(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Resource<DynPollable>> {
        // A call runs from the first look at it on: subscribing is one.
        self.table.get_mut(&own(&handle))?.live();
        subscribe(self.table, own(&handle))
    }

    fn next(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Option<Event>> {
        Ok(self.table.get_mut(&own(&handle))?.poll_event())
    }

    async fn finish(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Result<Outcome, Error>> {
        Ok(self.table.get_mut(&own(&handle))?.finish().await)
    }

    async fn attend(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Result<Outcome, Error>> {
        let client = self.client.clone();
        let call = self.table.get_mut(&own(&handle))?;
        Ok(match client {
            Some(client) => call.attend(client.closed()).await,
            None => call.finish().await,
        })
    }

    fn cancel(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.get_mut(&own(&handle))?.cancel();
        Ok(())
    }

    fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Call>::new_own(handle.rep()))?;
        Ok(())
    }
}

#[async_trait]
impl Pollable for Call {
    async fn ready(&mut self) {
        self.wait().await;
    }
}
