#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;

use super::CodeFile;

#[test]
fn code_in_memory_takes_no_writes() {
    let file = CodeFile::new(b"code", None).unwrap();
    let mut again = fs::OpenOptions::new().write(true).open(file.path()).unwrap();
    assert_eq!(again.write_all(b"evil").unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(again.set_len(0).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(fs::read(file.path()).unwrap(), b"code");
}

#[test]
fn code_on_a_disk_has_no_name_and_cannot_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = CodeFile::new(b"code", Some(folder.path())).unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), b"code");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(file.path().metadata().unwrap().nlink(), 0);
    let name = folder.path().join("name");
    rustix::fs::linkat(rustix::fs::CWD, file.path(), rustix::fs::CWD, &name, rustix::fs::AtFlags::SYMLINK_FOLLOW)
        .unwrap_err();
}

#[test]
fn a_folder_that_is_not_there_is_no_reason_not_to_run() {
    let file = CodeFile::new(b"code", Some("/nothing/here".as_ref())).unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), b"code");
}
