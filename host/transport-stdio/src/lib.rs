//! stdio bytes in and out.
