//! GGUF files, versions 2 and 3, as strangers write them.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. A file is a head (metadata, a table of tensors)
//! and the tensors' bytes. [`read`] reads the head, in pieces, and checks all of it before anybody sees any of it: what a
//! count or a size claims is compared with what the file can hold before memory is taken for it, every tensor lies inside of
//! the file and on no other, names are there once. The tensors' bytes are not touched.
//!
//! ```text
//! Source --cursor--> metadata (values) + table (tensors) --> Gguf
//! ```

mod cursor;
mod error;
mod kind;
mod limits;
mod read;
mod source;
mod tensor;
mod value;

pub use error::{Defect, Problem};
pub use kind::Kind;
pub use read::{Gguf, read};
pub use source::{Source, Unreadable};
pub use tensor::Tensor;
pub use value::{Array, Strings, Value};
pub mod bounds {
    //! Bounds of the format's parts, each far above what real models have.
    pub use crate::limits::*;
}

#[cfg(test)]
mod tests;
