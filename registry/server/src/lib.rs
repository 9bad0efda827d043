//! A registry for components: OCI distribution 1.1 with the referrers API, blobs on disk, metadata in redb.
//!
//! What it adds to the specification: released versions do not move, versions can be yanked, every repository sees only
//! the blobs that were pushed to it, and namespaces have quotas.
//!
//! [`Store`] keeps things and knows no HTTP; `api` is HTTP and keeps nothing; [`Server`] bounds connections. Nothing that
//! is kept here is believed by a node: a component is verified where it runs.

mod access;
mod api;
mod body;
mod clock;
mod control;
mod error;
mod index;
mod metrics;
mod server;
mod settings;
mod slow;
mod store;
mod tls;
mod token;

pub use access::Permission;
pub use control::{Command, ControlError, Reply, control};
pub use server::{BindError, Server};
pub use settings::{AnonymousPull, IndexSigner, Limits, Quotas, Settings, TlsFiles};
pub use store::{Store, StoreError, Swept};
pub use tls::TlsError;
pub use token::{NewToken, Scope, ScopeError, Token, TokenError, TokenFile};
