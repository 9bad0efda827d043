//! The lifecycle trait that every host capability implements, and the data of a store.
//!
//! A capability is one set of host interfaces behind one kind of grant. It lives through three steps:
//!
//! 1. At load, [`Capability::check`] says for every imported interface whether the grant covers it. What is not
//!    covered is not linked, and the component is refused with the policy line that would permit it.
//! 2. [`Capability::link`] adds the covered interfaces to the component's linker, and [`Capability::prepare`] does once
//!    what all instances share (opens databases, reads secrets, resolves directories).
//! 3. For every store, [`Prepared::attach`] puts what the interfaces need into the [`Ctx`].

mod ctx;
mod denials;
mod guest_log;
mod lifecycle;
mod quoted;
mod rate;
mod slots;

pub use ctx::{Ctx, CtxParts, DeniedHttp};
pub use denials::Denials;
pub use guest_log::GuestLog;
pub use lifecycle::{Capability, ComponentInfo, Interface, LinkError, PrepareError, Prepared, Verdict};
pub use quoted::quoted;
pub use rate::{Admission, Rate};
pub use slots::Slots;

/// The store's data, as linkers see it.
pub type Linker = wasmtime::component::Linker<Ctx>;

#[cfg(test)]
mod tests;
