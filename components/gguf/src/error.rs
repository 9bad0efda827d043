//! What is wrong with a file.

use crate::source::Unreadable;

/// A file that is not what the format says: where and why. Nothing was allocated for the part that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Defect {
    /// Where, in the format's words: `head`, `entry 3 (general.name)`, `tensor 12 (blk.0.attn_q.weight)`.
    pub place: String,
    /// Offset in bytes from the file's start where the part that is wrong was read, if it is known.
    pub offset: Option<u64>,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

/// What is wrong, by its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The first four bytes are others.
    #[error("not a GGUF file: it begins with `{0:02x?}`")]
    Magic([u8; 4]),
    /// Another version of the format.
    #[error("version {0} of GGUF; versions 2 and 3 are read")]
    Version(u32),
    /// A file for processors with the other order of bytes.
    #[error("its numbers have the most significant byte first; only the other order is read")]
    BigEndian,
    /// The file ends before this part does.
    #[error("the file ends here: {needed} bytes are needed, {left} are left")]
    Truncated {
        /// Bytes that the part needs, at least.
        needed: u64,
        /// Bytes that the file still has.
        left: u64,
    },
    /// A count or size above its bound.
    #[error("{what}: {claimed} is more than {limit}")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// What the file says.
        claimed: u64,
        /// The most that is taken.
        limit: u64,
    },
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A value of a type that there is not.
    #[error("there is no type {0} of values")]
    ValueType(u32),
    /// An array of arrays.
    #[error("an array of arrays")]
    Nested,
    /// A boolean that is neither 0 nor 1.
    #[error("a boolean is {0}")]
    Boolean(u8),
    /// The same key or the same tensor again.
    #[error("it is there twice")]
    Twice,
    /// An alignment that is none.
    #[error("an alignment of {0} bytes; it must be a power of two from 8 to 65536")]
    Alignment(u64),
    /// Weights in a format that there is not, or that was withdrawn.
    #[error("there is no type {0} of tensors")]
    TensorType(u32),
    /// No dimensions, or too many.
    #[error("{0} dimensions; a tensor has 1 to 4")]
    Dimensions(u32),
    /// A dimension of length 0.
    #[error("dimension {0} is 0")]
    Empty(usize),
    /// Numbers of elements or bytes that no processor counts.
    #[error("its size is beyond 2^63 bytes")]
    Overflow,
    /// Rows that are not whole blocks.
    #[error("rows of {row} elements are not whole blocks of {block}")]
    Blocks {
        /// Elements of a row.
        row: u64,
        /// Elements of a block.
        block: u64,
    },
    /// A tensor that does not begin where one may.
    #[error("it begins at {offset}, not at a multiple of {alignment}")]
    Unaligned {
        /// Where it begins, counted from the first tensor.
        offset: u64,
        /// The file's alignment.
        alignment: u64,
    },
    /// A tensor that ends outside of the file.
    #[error("it ends at {end}, the tensors' part of the file at {size}")]
    Outside {
        /// Where it ends, counted from the first tensor.
        end: u64,
        /// Bytes of all tensors.
        size: u64,
    },
    /// A tensor on another's bytes.
    #[error("it lies on bytes of `{0}`")]
    Overlap(String),
    /// The file cannot be read: the node's fault.
    #[error("it cannot be read: {0}")]
    Unreadable(Unreadable),
}
