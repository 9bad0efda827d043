//! An OCI registry as a source of bundles, and as a place to publish them. Distribution specification 1.1, also with
//! registries that know no referrers. And mirrors: folders with everything that adding needs, also behind a web server.
//!
//! A registry is believed in nothing: digests and lengths of all that comes are checked, everything has a bound, a redirect
//! leads neither inwards nor from TLS to plain HTTP. Who made a component says its signature, which is verified elsewhere.

mod auth;
mod client;
mod connect;
mod credentials;
mod error;
mod exchange;
mod mirror;
mod pull;
mod push;
mod reach;
mod referrers;
mod shelf;
mod tls;
mod url;

pub use client::{Client, ClientSettings};
pub use credentials::{Credential, Credentials, CredentialsError};
pub use error::{MirrorError, PullError, PushError, TransportError};
pub use mirror::{Mirror, Mirrored};
pub use pull::{MAX_SIGNATURE_CANDIDATES, Pulled, Resolved};
pub use push::{Attachment, Published, Source};
pub use shelf::{Shelf, mirror_address, mirror_host};
pub use tls::RootsError;
