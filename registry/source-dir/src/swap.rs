//! One directory in place of another, and what is left after a crash.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tidegate_reference::ComponentName;

use crate::file::sync_dir;

/// A directory that does not count: not yet, or no more.
pub(crate) const NEW_PREFIX: &str = ".new-";
/// The former directory, in the moment in which none has the name.
pub(crate) const OLD_PREFIX: &str = ".old-";

/// Makes `.new-NAME` the directory `NAME`; a former one goes.
pub(crate) fn put_in_place(root: &Path, name: &ComponentName) -> io::Result<()> {
    let (new, place) = (root.join(format!("{NEW_PREFIX}{name}")), root.join(name.as_str()));
    if !place.try_exists()? {
        fs::rename(&new, &place)?;
        return sync_dir(root);
    }
    match renameat_with(CWD, &new, CWD, &place, RenameFlags::EXCHANGE) {
        Ok(()) => {
            sync_dir(root)?;
            // What now has the name `.new-NAME` is the former one.
            remove_tree(&new)
        }
        // A file system that cannot swap.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => swap_in_two_steps(root, name),
        Err(error) => Err(error.into()),
    }
}

/// Between the two renames nothing has the name; [`recover`] then brings the former one back.
pub(crate) fn swap_in_two_steps(root: &Path, name: &ComponentName) -> io::Result<()> {
    let (new, place) = (root.join(format!("{NEW_PREFIX}{name}")), root.join(name.as_str()));
    let old = root.join(format!("{OLD_PREFIX}{name}"));
    fs::rename(&place, &old)?;
    sync_dir(root)?;
    fs::rename(&new, &place)?;
    sync_dir(root)?;
    remove_tree(&old)
}

/// Cleans up after a crash: brings a former directory back if nothing took its place, and removes the rest.
pub(crate) fn recover(root: &Path) -> io::Result<()> {
    let mut changed = false;
    for entry in root.read_dir()? {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str() else { continue };
        if let Some(Ok(old)) = name.strip_prefix(OLD_PREFIX).map(str::parse::<ComponentName>) {
            let place = root.join(old.as_str());
            if place.try_exists()? {
                remove_tree(&entry.path())?;
            } else {
                fs::rename(entry.path(), place)?;
            }
            changed = true;
        } else if name.starts_with(NEW_PREFIX) {
            remove_tree(&entry.path())?;
            changed = true;
        }
    }
    if changed { sync_dir(root) } else { Ok(()) }
}

/// Removes a directory with what is in it, or whatever else has its name; links are removed, not followed.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let is_dir = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    match if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) } {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests;
