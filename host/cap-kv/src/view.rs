//! The host's side of the interface: grants, bounds, handles.

use std::sync::Arc;

use tidegate_bindings::host::tidegate::host::kv::{Entry, Error, Host, HostStore, Store};
use tidegate_capability::{Ctx, quoted};
use tidegate_grant::Access;
use wasmtime::component::{HasData, Resource};
use wasmtime::{Result, format_err};

use crate::storage::Storage;
use crate::writer::{Change, Failure, Kind};
use crate::{Component, Shared, limits};

/// What a call of the interface answers, beside traps.
type Outcome<T> = std::result::Result<T, Error>;

const INTERFACE: &str = "tidegate:host/kv";

/// The store's data as this interface sees it.
pub(crate) struct KvView<'a> {
    ctx: &'a mut Ctx,
}

pub(crate) struct KvData;

impl HasData for KvData {
    type Data<'a> = KvView<'a>;
}

/// The view of a store.
pub(crate) fn of(ctx: &mut Ctx) -> KvView<'_> {
    KvView { ctx }
}

/// What a `store` handle stands for: a namespace that is granted.
struct OpenStore {
    component: Arc<Component>,
    namespace: String,
    access: Access,
    quota: u64,
}

impl KvView<'_> {
    fn opened(&self, handle: &Resource<Store>) -> Result<Arc<OpenStore>> {
        let store = self.ctx.table.get(&Resource::<Arc<OpenStore>>::new_borrow(handle.rep()))?;
        Ok(Arc::clone(store))
    }
}

impl OpenStore {
    async fn change(&self, key: String, kind: Kind) -> Outcome<bool> {
        if self.access == Access::ReadOnly {
            let namespace = quoted(&self.namespace);
            let reason = format!(
                "the namespace {namespace} is granted for reading only; this line would permit writing: \
                 kv = [{{ namespace = {namespace}, access = \"read-write\" }}]"
            );
            self.component.denials.write(INTERFACE, &format!("write to {namespace}"), &reason);
            return Err(Error::Denied(reason));
        }
        limits::check_key(&key).and_then(|()| kind.check()).map_err(Error::Invalid)?;
        let change = Change { namespace: self.namespace.clone(), key, kind, quota: self.quota };
        self.component.storage.change(change).await.map_err(|failure| error(failure, &self.namespace))
    }
}

/// Reads in a thread where it may block.
async fn read<T: Send + 'static>(
    store: Arc<OpenStore>,
    read: impl FnOnce(&Storage, &str) -> std::result::Result<T, redb::Error> + Send + 'static,
) -> Result<Outcome<T>> {
    let read = tokio::task::spawn_blocking(move || read(&store.component.storage, &store.namespace)).await?;
    Ok(read.map_err(|error| {
        tracing::error!(%error, "the key-value file cannot be read");
        Error::Other(format!("storage failed: {error}"))
    }))
}

impl Kind {
    fn check(&self) -> std::result::Result<(), String> {
        match self {
            Self::Set(value) | Self::Swap { value: Some(value), .. } => limits::check_value(value),
            Self::Delete | Self::Swap { value: None, .. } => Ok(()),
        }
    }
}

fn error(failure: Failure, namespace: &str) -> Error {
    match failure {
        Failure::Full { quota, needed } => Error::Full(format!(
            "the namespace {} may hold {quota} bytes and would hold {needed}: remove something, or let policy grant more",
            quoted(namespace)
        )),
        Failure::Storage(reason) => Error::Other(format!("storage failed, nothing was changed: {reason}")),
    }
}

impl Host for KvView<'_> {}

impl HostStore for KvView<'_> {
    fn open(&mut self, namespace: String) -> Result<Outcome<Resource<Store>>> {
        let shared = self.ctx.slots.get::<Shared>().ok_or_else(|| format_err!("the kv capability was not prepared"))?;
        let component = Arc::clone(&shared.0);
        if let Err(reason) = limits::check_namespace(&namespace) {
            return Ok(Err(Error::Invalid(reason)));
        }
        let Some(grant) = component.grant.kv(&namespace) else {
            let namespace = quoted(&namespace);
            let reason = format!(
                "the namespace {namespace} is not granted; this line would: \
                 kv = [{{ namespace = {namespace}, access = \"read-write\" }}]"
            );
            component.denials.write(INTERFACE, &namespace, &reason);
            return Ok(Err(Error::Denied(reason)));
        };
        let (access, quota) = (grant.access, grant.bytes);
        let opened = Arc::new(OpenStore { component, namespace, access, quota });
        Ok(Ok(Resource::new_own(self.ctx.table.push(opened)?.rep())))
    }

    async fn get(&mut self, handle: Resource<Store>, key: String) -> Result<Outcome<Option<Vec<u8>>>> {
        if let Err(reason) = limits::check_key(&key) {
            return Ok(Err(Error::Invalid(reason)));
        }
        read(self.opened(&handle)?, move |storage, namespace| storage.get(namespace, &key)).await
    }

    async fn set(&mut self, handle: Resource<Store>, key: String, value: Vec<u8>) -> Result<Outcome<()>> {
        Ok(self.opened(&handle)?.change(key, Kind::Set(value)).await.map(|_| ()))
    }

    async fn delete(&mut self, handle: Resource<Store>, key: String) -> Result<Outcome<bool>> {
        Ok(self.opened(&handle)?.change(key, Kind::Delete).await)
    }

    async fn swap(
        &mut self,
        handle: Resource<Store>,
        key: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> Result<Outcome<bool>> {
        Ok(self.opened(&handle)?.change(key, Kind::Swap { expected, value }).await)
    }

    async fn scan(
        &mut self,
        handle: Resource<Store>,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Outcome<Vec<Entry>>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = read(self.opened(&handle)?, move |storage, namespace| {
            storage.scan(namespace, &prefix, after.as_deref(), limit)
        })
        .await?;
        Ok(found.map(|found| found.into_iter().map(|(key, value)| Entry { key, value }).collect()))
    }

    async fn drop(&mut self, handle: Resource<Store>) -> Result<()> {
        self.ctx.table.delete(Resource::<Arc<OpenStore>>::new_own(handle.rep()))?;
        Ok(())
    }
}
