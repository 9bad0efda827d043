//! Native code in a file that has no name, from which it is mapped.
//!
//! Mapped from a file, code is resident as far as it runs, and what instances start their memories with is taken from the same
//! file instead of copies. The file gets the very bytes that were verified, and never had a name: no path leads to it, so
//! nobody who may write to a directory can change what runs. There are two kinds.
//!
//! On a disk, in a folder of the host: the kernel drops pages that are not used and reads them again, so that code that never
//! runs costs no memory. The disk is believed in that, as it is in the program itself, whose pages come and go the same way;
//! so only file systems of this machine are taken, which answer with what was written or with an error.
//!
//! In memory, where there is no such folder: the kernel refuses every further write, and all of the code stays.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    MemfdFlags, Mode, OFlags, SealFlags, StatVfsMountFlags, fcntl_add_seals, fstatfs, fstatvfs, memfd_create, open,
};
use rustix::io::Errno;

/// Where descriptors of this process have paths.
pub(crate) const PLACE: &str = "/proc/self/fd/";
/// What `/proc/PID/maps` calls a file in memory.
const NAME: &CStr = c"tidegate-code";
/// File systems on disks of this machine, by the numbers of statfs(2): ext2 to ext4, XFS, Btrfs, F2FS.
const LOCAL: [u32; 4] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010];

/// Native code in a file without a name.
pub(crate) struct CodeFile {
    file: File,
}

impl CodeFile {
    /// Copies `code` into a file of its own: in `folder` if its file system is fit for it, else in memory.
    pub(crate) fn new(code: &[u8], folder: Option<&Path>) -> io::Result<Self> {
        let on_disk = folder.and_then(|folder| on_disk(code, folder).ok().flatten());
        let file = on_disk.map_or_else(|| in_memory(code), Ok)?;
        let file = Self { file };
        // Without `/proc` there is no way to map it.
        file.path().metadata()?;
        Ok(file)
    }

    /// A path to it, for as long as it is not dropped.
    pub(crate) fn path(&self) -> PathBuf {
        format!("{PLACE}{}", self.file.as_raw_fd()).into()
    }
}

/// Nothing if the folder's file system is another one, or may hold no programs.
fn on_disk(code: &[u8], folder: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::TMPFILE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    // Readable only: whoever opens it again, by a descriptor of ours, gets no right to write.
    let mut file = File::from(open(folder, flags, Mode::RUSR)?);
    #[allow(clippy::unnecessary_cast, reason = "the number is signed, and of another width on other processors")]
    let kind = fstatfs(&file)?.f_type as u32;
    if !LOCAL.contains(&kind) || fstatvfs(&file)?.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return Ok(None);
    }
    file.write_all(code)?;
    Ok(Some(file))
}

fn in_memory(code: &[u8]) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // It is mapped and never started as a program; kernels before 6.3 do not know the flag.
    let file = match memfd_create(NAME, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(NAME, flags)?,
        other => other?,
    };
    let mut file = File::from(file);
    file.write_all(code)?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
