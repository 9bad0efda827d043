//! JSON Schemas that components give: read with bounds, and results checked against them within bounds.
//!
//! ```text
//! read      text to schema: dialect, references, size; nothing is ever fetched
//! compile   keywords to rules; what is no schema of its dialect is an error here
//! rules     a schema, ready to be applied
//! check     rules applied to a value: every step is paid for, so it ends, whatever schema and value are
//! equal     equality of JSON values
//! ```
//!
//! Keywords are those of JSON Schema 2020-12 and of the drafts 2019-09, 07, 06 and 04; `format` and `content*` are
//! remarks, as 2020-12 has it. Pure: no clock, no IO.

mod check;
mod compile;
mod equal;
mod keywords;
mod read;
mod rules;

pub use read::{OutputSchema, SchemaError, check_input};

#[cfg(test)]
mod tests;
