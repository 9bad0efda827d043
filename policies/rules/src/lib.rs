//! Policy text to rules, and the decision over them.
//!
//! Pure: no clock, no IO, no environment. [`parse`] turns the texts of policy files into a [`Policy`] or into every
//! problem in them, each with file, line and column. [`decide`] says what one component may do, [`explain`] says it for
//! people. Deny by default: what no line names is not granted. A component of a signer in `[signers]` may be loaded without
//! a `[[grant]]`: it can compute, within the default limits, and reach nothing.
//!
//! # How rules meet
//!
//! Several `[[grant]]` that match a component add up. Directories, destinations, namespaces and secrets are a union.
//! Things that can have one value only (environment variables, settings, limits) come from the most specific rule: one
//! that names the component wins over `component = "*"`; two of the same kind that set the same thing are an error, and
//! so are two grants of one namespace or directory that do not say the same, and guest directories inside each other.
//!
//! Which client may use what is another question, asked per request: [`admit`] answers it over the `[[client]]` lines.

mod claims;
mod client;
mod decide;
pub mod document;
mod explain;
mod interfaces;
mod names;
mod nearest;
mod parse;
mod permit;
mod policy;
mod problem;
pub mod units;

pub use client::{Admission, ClientMatch, ClientRule, Identity, NotAdmitted, TenantEntry, UseEntry, admit, scopes};
pub use decide::{Decision, Finding, FindingKind, Subject, decide};
pub use explain::{Asked, Entry, Explanation, GrantEntry, LimitEntry, Outcome, explain};
pub use interfaces::{Need, need};
pub use nearest::nearest;
pub use parse::{Source, parse};
pub use permit::Permit;
pub use policy::{
    ComponentPattern, LOCAL_BUILD, LimitSetting, Policy, PublicKey, Role, Rule, Secret, SecretSource, SignedBy, Signer,
    TrustedRoot,
};
pub use problem::{PolicyError, Problem};
