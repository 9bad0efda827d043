//! Where a file's bytes come from.

/// The bytes could not be read: a fault of the node, not of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// A file of known size that does not change while it is read.
pub trait Source {
    /// Its bytes.
    fn size(&self) -> u64;

    /// Fills `into` from `offset` on. Called only for what lies inside of the file.
    ///
    /// # Errors
    ///
    /// If the node cannot read it.
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable>;
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        let found = usize::try_from(offset).ok().and_then(|from| self.get(from..)?.get(..into.len()));
        into.copy_from_slice(found.ok_or_else(|| Unreadable("beyond the end".to_owned()))?);
        Ok(())
    }
}
