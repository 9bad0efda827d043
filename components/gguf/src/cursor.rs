//! Reads a head from its start, in pieces, and never beyond what is there.

use crate::error::{Defect, Problem};
use crate::limits::{MAX_ELEMENTS, MAX_HEAD, MAX_STRING};
use crate::source::Source;

/// Bytes read at once. A head of a small model is read in one piece, one of a large vocabulary in some hundred.
const PIECE: u64 = 64 * 1024;

/// A place in a source.
pub(crate) struct Cursor<'a, S> {
    source: &'a mut S,
    /// Where the head may end: the file's end, or its bound.
    end: u64,
    /// Whether the bound is before the file's end.
    bounded: bool,
    /// Where `piece` begins.
    from: u64,
    piece: Vec<u8>,
    /// How much of `piece` is read.
    used: usize,
    /// Elements that arrays may still have: one byte of a file becomes up to eight in memory.
    elements: u64,
}

impl<'a, S: Source> Cursor<'a, S> {
    pub(crate) fn new(source: &'a mut S) -> Self {
        let size = source.size();
        Self {
            source,
            end: size.min(MAX_HEAD),
            bounded: size > MAX_HEAD,
            from: 0,
            piece: Vec::new(),
            used: 0,
            elements: MAX_ELEMENTS,
        }
    }

    /// Where it is, from the file's start.
    pub(crate) fn offset(&self) -> u64 {
        self.from + self.used as u64
    }

    /// Whether so many bytes are left; asked before memory is taken for them.
    pub(crate) fn expect(&self, needed: u64) -> Result<(), Problem> {
        let left = self.end - self.offset();
        match needed > left {
            false => Ok(()),
            true if self.bounded => Err(Problem::TooMany {
                what: "bytes before the tensors",
                claimed: self.offset().saturating_add(needed),
                limit: MAX_HEAD,
            }),
            true => Err(Problem::Truncated { needed, left }),
        }
    }

    /// The next `N` bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        self.fill(N)?;
        let bytes = self.piece.get(self.used..).and_then(|rest| rest.first_chunk()).copied();
        let bytes = bytes.ok_or(Problem::Truncated { needed: N as u64, left: 0 })?;
        self.used += N;
        Ok(bytes)
    }

    /// A number of 32 bits.
    pub(crate) fn u32(&mut self) -> Result<u32, Problem> {
        self.take().map(u32::from_le_bytes)
    }

    /// A number of 64 bits.
    pub(crate) fn u64(&mut self) -> Result<u64, Problem> {
        self.take().map(u64::from_le_bytes)
    }

    /// A count that must not be above `limit`, of things that have at least `each` bytes.
    pub(crate) fn count(&mut self, what: &'static str, limit: u64, each: u64) -> Result<u64, Problem> {
        let claimed = self.u64()?;
        if claimed > limit {
            return Err(Problem::TooMany { what, claimed, limit });
        }
        self.expect(claimed.saturating_mul(each))?;
        Ok(claimed)
    }

    /// A count of an array's elements, of at least `each` bytes.
    pub(crate) fn elements(&mut self, each: u64) -> Result<u64, Problem> {
        let count = self.count("elements of arrays", self.elements, each)?;
        self.elements -= count;
        Ok(count)
    }

    /// A text of at most `limit` bytes, given to `with`.
    pub(crate) fn text<R>(
        &mut self,
        what: &'static str,
        limit: u64,
        with: impl FnOnce(&str) -> R,
    ) -> Result<R, Problem> {
        let length = self.count(what, limit.min(MAX_STRING), 1)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.fill(length)?;
        let bytes = self.piece.get(self.used..).and_then(|rest| rest.get(..length)).unwrap_or_default();
        let result = with(std::str::from_utf8(bytes).map_err(|_| Problem::Text)?);
        self.used += length;
        Ok(result)
    }

    /// Makes the next `needed` bytes lie in `piece`.
    fn fill(&mut self, needed: usize) -> Result<(), Problem> {
        if self.piece.len() - self.used >= needed {
            return Ok(());
        }
        self.expect(needed as u64)?;
        self.piece.drain(..self.used);
        self.from += self.used as u64;
        self.used = 0;
        let have = self.piece.len();
        let whole = (needed as u64).max(PIECE).min(self.end - self.from);
        self.piece.resize(usize::try_from(whole).unwrap_or(usize::MAX), 0);
        let into = self.piece.get_mut(have..).unwrap_or_default();
        self.source.read(self.from + have as u64, into).map_err(Problem::Unreadable)
    }
}

/// A problem, and where it is.
pub(crate) fn at(place: impl Into<String>, offset: u64, problem: Problem) -> Defect {
    Defect { place: place.into(), offset: Some(offset), problem }
}
