//! The host's side of the three interfaces.

use std::sync::Arc;

use tidegate_audit::Event;
use tidegate_bindings::host::tidegate::host::log::Severity;
use tidegate_bindings::host::tidegate::host::{config, log, secrets};
use tidegate_capability::{Ctx, quoted};
use tracing::Level;
use wasmtime::component::{HasData, Resource};
use wasmtime::{Result, format_err};

use crate::{Component, Shared};

/// The store's data as these interfaces see it.
pub(crate) struct HostView<'a> {
    ctx: &'a mut Ctx,
}

pub(crate) struct HostData;

impl HasData for HostData {
    type Data<'a> = HostView<'a>;
}

/// What a `secret` handle stands for.
struct OpenSecret {
    name: String,
    value: Vec<u8>,
}

/// The view of a store.
pub(crate) fn of(ctx: &mut Ctx) -> HostView<'_> {
    HostView { ctx }
}

impl HostView<'_> {
    fn component(&self) -> Result<Arc<Component>> {
        let shared = self.ctx.slots.get::<Shared>();
        shared.map(|shared| Arc::clone(&shared.0)).ok_or_else(|| format_err!("the host capability was not prepared"))
    }
}

impl log::Host for HostView<'_> {
    fn write(&mut self, severity: Severity, message: String) -> Result<()> {
        let level = match severity {
            Severity::Debug => Level::DEBUG,
            Severity::Info | Severity::Notice => Level::INFO,
            Severity::Warning => Level::WARN,
            Severity::Error | Severity::Critical | Severity::Alert | Severity::Emergency => Level::ERROR,
        };
        self.component()?.log.write(level, "log", &message);
        Ok(())
    }
}

impl config::Host for HostView<'_> {
    fn get(&mut self, key: String) -> Result<Option<String>> {
        let component = self.component()?;
        Ok(component.info.grant.config.get(&key).map(|setting| setting.value.clone()))
    }

    fn all(&mut self) -> Result<Vec<(String, String)>> {
        let component = self.component()?;
        Ok(component.info.grant.config.iter().map(|(key, setting)| (key.clone(), setting.value.clone())).collect())
    }
}

impl secrets::Host for HostView<'_> {}

impl secrets::HostSecret for HostView<'_> {
    fn open(&mut self, name: String) -> Result<Result<Resource<secrets::Secret>, secrets::Error>> {
        let component = self.component()?;
        if component.info.grant.secret(&name).is_none() {
            let name = quoted(&name);
            let reason = format!("the secret {name} is not granted; this line would: secrets = [{name}]");
            component.denials.write("tidegate:host/secrets", &name, &reason);
            return Ok(Err(secrets::Error::Denied(reason)));
        }
        match component.secrets.read(&name) {
            Ok(value) => {
                let handle = self.ctx.table.push(OpenSecret { name, value })?;
                Ok(Ok(Resource::new_own(handle.rep())))
            }
            Err(reason) => Ok(Err(secrets::Error::NotFound(reason))),
        }
    }

    fn reveal(&mut self, handle: Resource<secrets::Secret>) -> Result<Vec<u8>> {
        let component = self.component()?;
        let secret = self.ctx.table.get(&Resource::<OpenSecret>::new_borrow(handle.rep()))?;
        component
            .info
            .audit
            .emit(Event::Revealed { component: component.info.name.as_ref().to_owned(), secret: secret.name.clone() });
        Ok(secret.value.clone())
    }

    fn drop(&mut self, handle: Resource<secrets::Secret>) -> Result<()> {
        self.ctx.table.delete(Resource::<OpenSecret>::new_own(handle.rep()))?;
        Ok(())
    }
}
