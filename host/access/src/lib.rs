//! Who a client is: by a key of the node, by a token of an authorization server that the node believes, or by the kernel's
//! word at a Unix socket. What it may use then is the policy's (`tidegate_rules::admit`).
//!
//! The node is an OAuth 2.1 resource server and nothing else: it gives no tokens, forwards none, and asks nobody about
//! them but for the keys that they are signed with. Works without a network where these keys are pinned.

mod access;
mod algorithm;
mod claims;
mod credentials;
mod fetch;
mod issuer;
mod jwk;
mod keys;
mod metadata;
mod refusal;
mod token;

pub use access::{Access, AccessError, AccessOptions, TokenOptions, peer};
pub use algorithm::Algorithm;
pub use credentials::{Malformed, Secret, take};
pub use fetch::RootsError;
pub use issuer::{IssuerError, IssuerOptions};
pub use jwk::JwksError;
pub use keys::{KeyFile, KeyFileError, KeyRecord, PREFIX};
pub use metadata::{WELL_KNOWN, well_known};
pub use refusal::Refusal;
pub use token::TokenError;
