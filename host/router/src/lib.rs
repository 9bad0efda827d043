//! From a call to an instance.
