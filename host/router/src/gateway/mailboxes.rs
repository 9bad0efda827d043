//! `tidegate:gateway/mailboxes`.

use std::sync::Arc;

use tidegate_bindings::gateway::tidegate::gateway::mailboxes::{
    Error, Host, HostMailbox, Mailbox as Handle, Message, Options,
};
use tidegate_grant::Principal;
use wasmtime::component::Resource;
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use super::View;
use crate::mailbox::Mailboxes;

/// An opened mailbox.
struct Mailbox {
    all: Arc<Mailboxes>,
    id: String,
}

/// Waits for a message after a number.
struct After {
    all: Arc<Mailboxes>,
    id: String,
    number: u64,
}

impl View<'_> {
    fn mailboxes(&self) -> wasmtime::Result<Arc<Mailboxes>> {
        Ok(self.router()?.mailboxes(&self.component))
    }

    fn mailbox(&self, handle: &Resource<Handle>) -> wasmtime::Result<&Mailbox> {
        Ok(self.table.get(&Resource::<Mailbox>::new_borrow(handle.rep()))?)
    }

    fn opened(&mut self, all: Arc<Mailboxes>, id: String) -> wasmtime::Result<Resource<Handle>> {
        let mailbox = self.table.push(Mailbox { all, id })?;
        Ok(Resource::new_own(mailbox.rep()))
    }
}

impl Host for View<'_> {}

impl HostMailbox for View<'_> {
    async fn create(&mut self, options: Options, first: Vec<u8>) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        let all = self.mailboxes()?;
        match all.create(&self.principal.identity(), options, first).await {
            Ok(id) => self.opened(all, id).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn open(&mut self, id: String) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        let all = self.mailboxes()?;
        match all.open(&self.principal.identity(), &id).await {
            Ok(()) => self.opened(all, id).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn list(&mut self, after: Option<String>, limit: u32) -> wasmtime::Result<Result<Vec<String>, Error>> {
        if self.principal.is(&Principal::anonymous()) {
            return Ok(Ok(Vec::new()));
        }
        let all = self.mailboxes()?;
        Ok(all.list(&self.principal.identity(), after.as_deref().unwrap_or_default(), limit).await)
    }

    fn id(&mut self, handle: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.mailbox(&handle)?.id.clone())
    }

    fn inherited(&mut self, handle: Resource<Handle>) -> wasmtime::Result<u64> {
        let mailbox = self.mailbox(&handle)?;
        Ok(mailbox.all.inherited(&mailbox.id))
    }

    async fn post(&mut self, handle: Resource<Handle>, body: Vec<u8>) -> wasmtime::Result<Result<u64, Error>> {
        let mailbox = self.mailbox(&handle)?;
        Ok(mailbox.all.post(&mailbox.id, body).await)
    }

    fn read(
        &mut self,
        handle: Resource<Handle>,
        after: u64,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<Message>, Error>> {
        let mailbox = self.mailbox(&handle)?;
        Ok(mailbox.all.read(&mailbox.id, after, limit))
    }

    fn subscribe(&mut self, handle: Resource<Handle>, after: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let mailbox = self.mailbox(&handle)?;
        let after = After { all: Arc::clone(&mailbox.all), id: mailbox.id.clone(), number: after };
        let after = self.table.push(after)?;
        subscribe(self.table, after)
    }

    async fn close(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        let mailbox = self.mailbox(&handle)?;
        mailbox.all.close(&mailbox.id).await;
        Ok(())
    }

    fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Mailbox>::new_own(handle.rep()))?;
        Ok(())
    }
}

#[async_trait]
impl Pollable for After {
    async fn ready(&mut self) {
        self.all.wait(&self.id, self.number).await;
    }
}
