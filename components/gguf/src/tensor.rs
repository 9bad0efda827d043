//! One line of the table of tensors.

use crate::error::Problem;
use crate::kind::Kind;

/// A tensor that lies inside of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// How its numbers are stored.
    pub kind: Kind,
    /// Lengths of its dimensions, the innermost first: elements of a row, then rows.
    pub shape: Vec<u64>,
    /// Where its bytes begin, from the file's start.
    pub offset: u64,
    /// How many bytes they are.
    pub size: u64,
}

impl Tensor {
    /// Elements of a row: the innermost dimension.
    #[must_use]
    pub fn columns(&self) -> u64 {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Rows: the product of all other dimensions.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.shape.iter().skip(1).product()
    }
}

/// Bytes of a tensor, if its shape is one.
pub(crate) fn size(kind: Kind, shape: &[u64]) -> Result<u64, Problem> {
    if let Some(empty) = shape.iter().position(|&length| length == 0) {
        return Err(Problem::Empty(empty));
    }
    let elements = shape.iter().try_fold(1_u64, |product, &length| product.checked_mul(length));
    let row = shape.first().copied().unwrap_or(0);
    // Offsets are added to it: below 2^63 no sum with another overflows.
    let size = elements.and_then(|count| (count / kind.block()).checked_mul(kind.bytes()));
    let size = size.filter(|&size| size < 1 << 63).ok_or(Problem::Overflow)?;
    if row % kind.block() != 0 {
        return Err(Problem::Blocks { row, block: kind.block() });
    }
    Ok(size)
}
