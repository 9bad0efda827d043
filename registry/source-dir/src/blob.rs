//! A file of a model, read in pieces of which each was verified.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use tidegate_reference::{Digest, Hasher};

use crate::models::open_regular;

/// Bytes that are read and verified at once; a reader gets no more at once either.
pub const BLOB_CHUNK: u64 = 1 << 20;

/// A file that was hashed as a whole when it was opened. Every later read is compared with what was hashed then, so nobody
/// gets other bytes than those, whatever happens to the file in between. 32 bytes of memory for each MiB.
#[derive(Debug)]
pub struct Blob {
    file: File,
    path: PathBuf,
    size: u64,
    chunks: Vec<Digest>,
}

/// Why a file gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The operating system; see the source.
    #[error("cannot read `{path}`", path = .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what was installed, or not any more.
    #[error(
        "the file `{path}` of a model was changed on the disk: remove the models that have it with `tidegate model remove`, \
         and add them again", path = .0.display()
    )]
    Changed(PathBuf),
}

impl Blob {
    /// Opens the file at `path` and hashes it.
    ///
    /// # Errors
    /// It is not there, cannot be read, or has another digest.
    pub(crate) fn open(path: &Path, digest: Digest) -> Result<Self, BlobError> {
        let failed = |source| BlobError::Io { path: path.to_owned(), source };
        let file = open_regular(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut blob = Self { file, path: path.to_owned(), size, chunks: Vec::new() };
        let mut whole = Hasher::new();
        let mut buffer = Vec::new();
        for index in 0..size.div_ceil(BLOB_CHUNK) {
            blob.fill(index, &mut buffer).map_err(failed)?;
            whole.update(&buffer);
            blob.chunks.push(Digest::of(&buffer));
        }
        if whole.finish() == digest { Ok(blob) } else { Err(BlobError::Changed(path.to_owned())) }
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Up to `length` bytes from `offset` on: fewer at the end, and no more than [`BLOB_CHUNK`].
    ///
    /// # Errors
    /// It cannot be read, or is not what it was.
    pub fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, BlobError> {
        let end = offset.saturating_add(length.min(BLOB_CHUNK)).min(self.size);
        let (mut bytes, mut buffer) = (Vec::new(), Vec::new());
        let mut at = offset;
        while at < end {
            let index = at / BLOB_CHUNK;
            self.fill(index, &mut buffer).map_err(|source| BlobError::Io { path: self.path.clone(), source })?;
            let verified = usize::try_from(index).ok().and_then(|index| self.chunks.get(index));
            if verified != Some(&Digest::of(&buffer)) {
                return Err(BlobError::Changed(self.path.clone()));
            }
            let begin = index.saturating_mul(BLOB_CHUNK);
            let upto = end.min(begin.saturating_add(BLOB_CHUNK));
            let (from, to) = (usize::try_from(at - begin), usize::try_from(upto - begin));
            let piece = from.ok().zip(to.ok()).and_then(|(from, to)| buffer.get(from..to));
            let piece = piece.ok_or_else(|| BlobError::Changed(self.path.clone()))?;
            if bytes.is_empty() && piece.len() == buffer.len() && upto == end {
                // A whole chunk, as most reads are: no second copy.
                return Ok(buffer);
            }
            bytes.extend_from_slice(piece);
            at = upto;
        }
        Ok(bytes)
    }

    /// Reads a chunk into `buffer`; a file that became shorter gives fewer bytes, which are not what was hashed.
    fn fill(&self, index: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let begin = index.saturating_mul(BLOB_CHUNK);
        let length = BLOB_CHUNK.min(self.size.saturating_sub(begin));
        buffer.resize(usize::try_from(length).unwrap_or(0), 0);
        match self.file.read_exact_at(buffer, begin) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                buffer.clear();
                Ok(())
            }
            read => read,
        }
    }
}
