//! Reading and writing of single files.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system; see the source.
    #[error("cannot read `{path}`", path = .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A symbolic link in a directory.
    #[error("`{path}` is a symbolic link, which is not followed here: put the file itself there", path = .0.display())]
    Link(PathBuf),
    /// A directory, a pipe, a device.
    #[error("`{path}` is not a regular file", path = .0.display())]
    NotAFile(PathBuf),
    /// Larger than its kind may be.
    #[error("`{path}` has more than {max} bytes", path = .path.display())]
    TooBig {
        /// Which file.
        path: PathBuf,
        /// The limit.
        max: u64,
    },
}

/// Whether the last part of a path may be a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// A person named the path.
    Follow,
    /// It was found in a directory.
    Refuse,
}

/// The bytes of a regular file of at most `max` bytes; nothing if there is none.
pub(crate) fn read_file(path: &Path, max: u64, links: Links) -> Result<Option<Vec<u8>>, FileError> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    // Non-blocking: opening a pipe would wait for somebody who writes.
    let mut flags = OFlags::NONBLOCK;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(FileError::Link(path.to_owned()));
        }
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    // Room for what it has now: a buffer that grows would be copied, and end twice as large.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(max)).unwrap_or_default());
    // The size may change while we read, so the limit holds for what is read and not for what was promised.
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        return Err(FileError::TooBig { path: path.to_owned(), max });
    }
    Ok(Some(bytes))
}

/// Writes a new file and waits until it is on the disk.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until a directory's entries are on the disk.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
