//! From a call to an instance: names, deadlines, back-pressure, cancellation, audit.
//!
//! Components meet here and nowhere else. A protocol component starts calls through the interfaces that
//! [`GatewayCapability`] links; an embedding application starts them with [`Router::call`]. Both run the same way.

mod call;
mod catalog;
mod changes;
mod client;
mod context;
mod dispatch;
mod gateway;
mod http;
mod live;
mod mailbox;
mod outcome;
mod quota;
mod refresh;
mod seal;
mod seen;
mod stream;
mod structure;
mod template;
mod trace;

pub use call::Call;
pub use catalog::{Catalog, Place, SEPARATOR};
pub use changes::Watch;
pub use context::ContextCapability;
pub use gateway::GatewayCapability;
pub use http::{HttpError, Scheme};
pub use quota::Excess;
pub use stream::StreamError;
pub use tidegate_bindings::gateway::tidegate::gateway::calls::{
    CompletionTarget, Error as CallError, Event, Outcome, PromptTarget, Request, ResourceTarget, Target, ToolTarget,
};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};

use tidegate_audit::Audit;
use tidegate_bindings::gateway::tidegate::gateway::mailboxes::Error as MailboxError;
use tidegate_bindings::types::event::Change;
use tidegate_grant::{ClientLimits, Principal};
use tidegate_mailbox_store::Store;
use tidegate_supervisor::{Component, DefinitionsError, Supervisor};

use crate::changes::Changes;
use crate::mailbox::Mailboxes;
use crate::quota::Quotas;
use crate::refresh::Refreshes;
use crate::seal::Seals;

/// Routes calls to components. Cheap to clone.
#[derive(Clone)]
pub struct Router {
    inner: Arc<Inner>,
}

struct Inner {
    supervisor: Arc<Supervisor>,
    audit: Audit,
    catalog: RwLock<Arc<Catalog>>,
    changes: Changes,
    mailboxes: Mutex<HashMap<String, Arc<Mailboxes>>>,
    store: Option<Arc<Store>>,
    random: Box<dyn Fn() -> Result<[u8; 16], MailboxError> + Send + Sync>,
    seals: Seals,
    quotas: Quotas,
    refreshes: Refreshes,
}

/// What a router is made with.
pub struct RouterConfig {
    /// Values that pass through clients are sealed under it: the same on all nodes that answer one client.
    pub seal_key: [u8; 32],
    /// Where durable mailboxes are; none: there are none.
    pub mailboxes: Option<Arc<Store>>,
    /// What each client may ask for.
    pub limits: ClientLimits,
}

/// The router before there is one. Capabilities are made before the supervisor, and the supervisor before the router;
/// this is how they find it. Holds it weakly: a store must not keep a node alive.
#[derive(Clone, Default)]
pub struct Later(Arc<OnceLock<Weak<Inner>>>);

impl Later {
    /// The router, once there is one.
    pub(crate) fn get(&self) -> Option<Router> {
        self.0.get().and_then(Weak::upgrade).map(|inner| Router { inner })
    }
}

impl Router {
    /// Routes to the components of `supervisor`. `later` is told; `random` gives 128 random bits for ids.
    #[must_use]
    pub fn new(
        supervisor: Arc<Supervisor>,
        audit: Audit,
        later: &Later,
        config: RouterConfig,
        random: impl Fn() -> Option<[u8; 16]> + Send + Sync + 'static,
    ) -> Self {
        let catalog = RwLock::new(Arc::new(Catalog::new(&supervisor.set())));
        let inner = Arc::new(Inner {
            supervisor,
            audit,
            catalog,
            changes: Changes::default(),
            mailboxes: Mutex::default(),
            store: config.mailboxes,
            seals: Seals::new(&config.seal_key),
            quotas: Quotas::new(config.limits),
            refreshes: Refreshes::default(),
            random: Box::new(move || {
                random().ok_or_else(|| MailboxError::Invalid("this node has no source of randomness".to_owned()))
            }),
        });
        let _ = later.0.set(Arc::downgrade(&inner));
        Self { inner }
    }

    /// Everything that can be called now.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.inner.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts to watch the catalog and the resources in it.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.inner.changes.watch()
    }

    /// Looks at the supervisor's components again, after components were started or removed, and tells who watches what
    /// changed.
    pub fn update(&self) {
        let next = Arc::new(Catalog::new(&self.inner.supervisor.set()));
        let previous = {
            let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *catalog, Arc::clone(&next))
        };
        for change in previous.changes_to(&next) {
            self.inner.changes.tell(&change);
        }
    }

    /// Asks a component again what it offers, because it said that this changed.
    ///
    /// # Errors
    /// When it cannot say, or says what cannot be served; then it offers what it did before.
    pub async fn refresh(&self, component: &Component) -> Result<(), DefinitionsError> {
        if component.refresh().await? {
            self.update();
        }
        Ok(())
    }

    /// Prepares a call on behalf of `principal`. It runs from the first look at it on; dropping it cancels it.
    #[must_use]
    pub fn call(&self, principal: &Principal, request: Request) -> Call {
        Call::new(self.clone(), principal, request)
    }

    /// As [`Router::call`], within what the client may ask for.
    pub(crate) fn asked_call(&self, principal: &Principal, request: Request) -> Call {
        Call::asked(self.clone(), principal, request)
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.inner.quotas
    }

    pub(crate) fn refreshes(&self) -> &Refreshes {
        &self.inner.refreshes
    }

    pub(crate) fn tell(&self, change: &Change) {
        self.inner.changes.tell(change);
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.inner.audit
    }

    /// What seals values that pass through clients.
    pub(crate) fn seals(&self) -> &Seals {
        &self.inner.seals
    }

    /// 128 random bits, if the node has a source of them.
    pub(crate) fn random(&self) -> Option<[u8; 16]> {
        (self.inner.random)().ok()
    }

    /// The mailboxes of one component.
    pub(crate) fn mailboxes(&self, component: &str) -> Arc<Mailboxes> {
        let mut all = self.inner.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = all.get(component) {
            return Arc::clone(present);
        }
        let inner = Arc::downgrade(&self.inner);
        let store = self.inner.store.as_ref().map(|store| (Arc::clone(store), component.to_owned()));
        let made = Arc::new(Mailboxes::new(store, move || {
            let inner = inner.upgrade().ok_or(MailboxError::NotFound)?;
            Ok(hex((inner.random)()?))
        }));
        all.insert(component.to_owned(), Arc::clone(&made));
        made
    }
}

fn hex(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}
