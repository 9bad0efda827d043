//! The handle of a granted model as a file.

use tidegate_gguf::{Source, Unreadable};

use crate::bindings::tidegate::model::control;
use crate::bindings::tidegate::model::types::Error;
use crate::bindings::tidegate::model::weights::{self, Error as ReadError};

/// Bytes that one read may give.
const MOST: usize = 1024 * 1024;

/// The first part of a model.
pub(crate) struct File {
    handle: weights::Source,
    pub(crate) part: String,
    size: u64,
}

// === impl File ===

impl File {
    /// Opens it.
    pub(crate) fn open(handle: weights::Source) -> Result<Self, Error> {
        let parts = handle.parts();
        let [part] = parts.as_slice() else {
            return Err(Error::UnsupportedFormat(format!("GGUF in {} parts; one file is read", parts.len())));
        };
        Ok(Self { part: part.name.clone(), size: part.size, handle })
    }
}

impl Source for File {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, mut offset: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        for piece in into.chunks_mut(MOST) {
            let mut filled = 0;
            while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                let length = u32::try_from(rest.len()).unwrap_or(u32::MAX);
                let bytes = self.handle.read(0, offset, length).map_err(|error| Unreadable(words(&error)))?;
                if bytes.is_empty() || bytes.len() > rest.len() {
                    return Err(Unreadable("it is shorter than it was said to be".to_owned()));
                }
                rest.iter_mut().zip(&bytes).for_each(|(to, byte)| *to = *byte);
                filled += bytes.len();
                offset += bytes.len() as u64;
            }
        }
        Ok(())
    }
}

fn words(error: &ReadError) -> String {
    match error {
        ReadError::NoPart(part) => format!("there is no part {part}"),
        ReadError::OutOfRange(size) => format!("it ends at {size}"),
        ReadError::Other(text) => text.clone(),
    }
}

/// Whether the host wants the computation to go on.
pub(crate) fn go_on() -> bool {
    control::check().is_ok()
}

/// Why it does not.
pub(crate) fn stopped() -> Error {
    match control::check() {
        Err(control::Stop::Deadline) => Error::Deadline,
        _ => Error::Cancelled,
    }
}
