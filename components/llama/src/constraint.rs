//! What a generated text must be: a grammar over bytes, and the places in it that the text so far may have reached.
//!
//! ```text
//! GBNF --gbnf--\
//!               Grammar (rules of alternatives of byte ranges and rules) --Machine--> may this token come next?
//! JSON Schema --schema--/
//! ```
//!
//! Tokens end in the middle of characters, and so do the grammar's steps: ranges of characters become sequences of ranges of
//! bytes.

mod gbnf;
mod grammar;
mod json;
mod machine;
mod schema;

pub use grammar::{Grammar, GrammarError};
pub use machine::Machine;

#[cfg(test)]
mod tests;
