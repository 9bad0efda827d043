//! A foreign component's exported functions as tools.
//!
//! A component without our WIT serves too: every function it exports, at the top level or inside an exported interface,
//! becomes a tool. Its arguments are a JSON object with one member per parameter; its JSON Schema (2020-12) is derived
//! from the WIT types. Values are written so:
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool` | `true`, `false` |
//! | `s8` to `u32` | integer in the type's range (`3.0` counts, as in JSON Schema) |
//! | `s64`, `u64` | integer up to 2^53-1 either way; beyond as a string of digits, which is accepted for all values |
//! | `f32`, `f64` | number; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `char` | string of one Unicode scalar value |
//! | `string` | string |
//! | `list<u8>` | base64 string (padding optional); accepted also as an array of numbers |
//! | `list<T>`, `tuple<...>` | array |
//! | `record` | object; unknown members are errors |
//! | `variant` | `"case"` without payload, `{"case": payload}` with: what models write without being told, and serde's form |
//! | `enum` | string |
//! | `flags` | array of different strings |
//! | `option<T>` | `null` or the value; a member may be absent. When `null` is a value of `T`, `{"some": value}` |
//! | `result<T, E>` as a function's result | the `ok` value; `error` makes a tool error whose text is the value |
//! | `result<T, E>` elsewhere | as a variant of `ok` and `error` |
//! | handles, streams, futures, error contexts, maps, lists of fixed length | the function is refused with its reason |
//!
//! A result that is a record is the structured result as it is; every other result is the member `result` of an object,
//! because some clients take only objects there.
//!
//! Schemas are written out without `$ref`: many clients cannot follow one. What that could blow up is bounded, see
//! [`limits`].

mod call;
pub mod docs;
mod error;
mod function;
mod lift;
pub mod limits;
mod lower;
mod name;
mod schema;
mod shape;
mod strict;
mod walk;

#[cfg(test)]
mod tests;

pub use error::{ArgumentError, CallError, Reason, ResultError};
pub use function::{Answer, Arguments, Function};
pub use walk::{Reflected, Refused, tools};
