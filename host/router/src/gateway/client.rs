//! `tidegate:gateway/client`.

use tidegate_bindings::gateway::tidegate::gateway::client::Host;
use wasmtime::component::Resource;
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use super::View;
use crate::client::Client;

impl Host for View<'_> {
    fn closed(&mut self) -> wasmtime::Result<Resource<DynPollable>> {
        // A component that works for nobody has a client that never goes.
        let client = self.client.clone().unwrap_or_else(|| Client::new(self.principal.clone(), 0));
        let client = self.table.push(client)?;
        subscribe(self.table, client)
    }

    fn is_closed(&mut self) -> wasmtime::Result<bool> {
        Ok(self.client.as_ref().is_some_and(Client::is_closed))
    }
}

#[async_trait]
impl Pollable for Client {
    async fn ready(&mut self) {
        self.closed().await;
    }
}
