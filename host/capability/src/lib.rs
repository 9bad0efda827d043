//! The lifecycle trait of host capabilities and the data of a store.
