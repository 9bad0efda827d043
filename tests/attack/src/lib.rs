//! Tests: attack.
