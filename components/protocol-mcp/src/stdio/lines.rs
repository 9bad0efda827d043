//! Bytes to lines.

/// The longest message, as over HTTP. What is longer is skipped up to its end and answered with an error.
const LONGEST: usize = 8 << 20;

/// Collects bytes until they are lines.
#[derive(Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    skipping: bool,
}

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A message, perhaps.
    Whole(Vec<u8>),
    /// It was longer than we read.
    TooLong,
}

impl Lines {
    /// Takes bytes and gives the lines that they complete; empty ones are left out.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (piece, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |piece| (piece, true));
            if !self.skipping {
                if self.begun.len() + piece.len() > LONGEST {
                    self.skipping = true;
                    self.begun = Vec::new();
                    lines.push(Line::TooLong);
                } else {
                    self.begun.extend_from_slice(piece);
                }
            }
            if ends {
                self.skipping = false;
                lines.extend(self.end());
            }
        }
        lines
    }

    /// The last line, if the input ended without a line break.
    pub(crate) fn end(&mut self) -> Option<Line> {
        let mut line = std::mem::take(&mut self.begun);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        (!line.trim_ascii().is_empty()).then_some(Line::Whole(line))
    }
}
