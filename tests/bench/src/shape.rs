//! How large a request is, and how many are on their way at once.

use std::fmt;

/// One load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Bytes that the tool is told and says.
    pub(crate) bytes: usize,
    /// Connections over HTTP, calls in flight over stdio.
    pub(crate) connections: u32,
}

/// A sensor's value, a page of text, a picture.
pub(crate) const SIZES: [usize; 3] = [100, 10_000, 1_000_000];

/// What every subject is measured with. One large request at a time: over stdio more of them would wait for a client that
/// writes before it reads.
pub(crate) const SHAPES: [Shape; 6] =
    [of(100, 1), of(100, 16), of(100, 64), of(10_000, 1), of(10_000, 16), of(1_000_000, 1)];

const fn of(bytes: usize, connections: u32) -> Shape {
    Shape { bytes, connections }
}

impl fmt::Display for Shape {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, unit) = match self.bytes {
            bytes @ ..1_000 => (bytes, " B"),
            bytes @ ..1_000_000 => (bytes / 1_000, " KB"),
            bytes => (bytes / 1_000_000, " MB"),
        };
        to.pad(&format!("{size}{unit} x{}", self.connections))
    }
}
