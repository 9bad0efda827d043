#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tidegate_bundle::{CodeTarget, MAX_NATIVE_BYTES};

use crate::{FileError, Found, ReadError, find, native_path, read_component};

fn component() -> Vec<u8> {
    wat::parse_str("(component)").unwrap()
}

fn write(directory: &Path, name: &str, bytes: &[u8]) {
    fs::write(directory.join(name), bytes).unwrap();
}

fn names(found: &[Found]) -> Vec<String> {
    found.iter().map(|found| found.path().file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_file_with_what_lies_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "a.wasm", &component());
    let path = directory.path().join("a.wasm");
    let alone = read_component(&path, &[]).unwrap();
    assert!(alone.bundle.signatures().is_empty() && alone.receipt.is_none());
    assert_eq!(alone.bundle.origin(), path.to_str());

    write(directory.path(), "a.wasm.sigstore.json", b"signature");
    write(directory.path(), "a.wasm.receipt", b"receipt");
    let found = find(&path).unwrap();
    let sourced = found[0].read(&[]).unwrap();
    assert_eq!(sourced.bundle.signatures(), [b"signature".to_vec()]);
    assert_eq!(sourced.receipt.as_deref(), Some(&b"receipt"[..]));
    assert_eq!(found.len(), 1);
}

#[test]
fn native_code_is_read_for_the_targets_that_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "a.b.wasm", &component());
    let path = directory.path().join("a.b.wasm");
    let code = native_path(&path, CodeTarget::Aarch64);
    assert_eq!(code.file_name().unwrap(), "a.b.aarch64-unknown-linux-gnu.cwasm");
    fs::write(&code, b"code").unwrap();
    write(directory.path(), "a.b.aarch64-unknown-linux-gnu.cwasm.sigstore.json", b"signature");
    write(directory.path(), "a.b.pulley64.cwasm", b"other");

    assert!(read_component(&path, &[]).unwrap().native.is_empty());
    let wanted = read_component(&path, &[CodeTarget::Riscv64, CodeTarget::Aarch64]).unwrap().native;
    let [file] = wanted.as_slice() else { panic!("{wanted:?}") };
    assert_eq!((file.target(), &**file.code()), (CodeTarget::Aarch64, &b"code"[..]));
    assert_eq!(file.signature(), Some(&b"signature"[..]));
    assert_eq!(file.origin(), code.display().to_string());
    let all = find(directory.path()).unwrap();
    let all = all[0].read(&CodeTarget::ALL).unwrap();
    assert_eq!(all.native.len(), 2);
    assert_eq!(all.native[1].signature(), None);

    // In a directory that others may write to, a link leads nowhere.
    fs::remove_file(&code).unwrap();
    symlink("/etc/passwd", &code).unwrap();
    let found = find(directory.path()).unwrap();
    assert!(matches!(found[0].read(&[CodeTarget::Aarch64]), Err(ReadError::File(FileError::Link(_)))));
    fs::remove_file(&code).unwrap();
    fs::File::create(&code).unwrap().set_len(MAX_NATIVE_BYTES + 1).unwrap();
    let found = read_component(&path, &[CodeTarget::Aarch64]);
    assert!(matches!(found, Err(ReadError::File(FileError::TooBig { max: MAX_NATIVE_BYTES, .. }))));
}

#[test]
fn a_directory_is_sorted_and_one_bad_file_hides_no_other() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "b.wasm", &component());
    write(directory.path(), "c.wasm", b"\x7fELF");
    write(directory.path(), "a.wasm", &component());
    write(directory.path(), "a.wasm.sigstore.json", b"signature");
    write(directory.path(), "notes.txt", b"x");
    fs::create_dir(directory.path().join("d.wasm")).unwrap();
    fs::create_dir(directory.path().join("deeper")).unwrap();
    write(&directory.path().join("deeper"), "e.wasm", &component());

    let found = find(directory.path()).unwrap();
    assert_eq!(names(&found), ["a.wasm", "b.wasm", "c.wasm", "d.wasm"]);
    assert_eq!(found[0].read(&[]).unwrap().bundle.signatures().len(), 1);
    assert!(found[1].read(&[]).is_ok());
    assert!(matches!(found[2].read(&[]), Err(ReadError::Bundle { .. })));
    assert!(matches!(found[3].read(&[]), Err(ReadError::File(FileError::NotAFile(_)))));
}

#[test]
fn links_are_followed_where_a_person_named_them_only() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    write(elsewhere.path(), "real.wasm", &component());
    write(directory.path(), "good.wasm", &component());
    symlink(elsewhere.path().join("real.wasm"), directory.path().join("link.wasm")).unwrap();
    symlink(elsewhere.path().join("real.wasm"), directory.path().join("good.wasm.sigstore.json")).unwrap();

    assert!(read_component(&directory.path().join("link.wasm"), &[]).is_ok());
    let found = find(directory.path()).unwrap();
    assert_eq!(names(&found), ["good.wasm", "link.wasm"]);
    for found in found {
        assert!(matches!(found.read(&[]), Err(ReadError::File(FileError::Link(_)))), "{found:?}");
    }
    symlink(directory.path(), elsewhere.path().join("linked-directory")).unwrap();
    assert_eq!(find(&elsewhere.path().join("linked-directory")).unwrap().len(), 2);
}

#[test]
fn pipes_and_devices_are_refused_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe.wasm");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(matches!(read_component(&pipe, &[]), Err(ReadError::File(FileError::NotAFile(_)))));
    assert!(matches!(read_component(Path::new("/dev/zero"), &[]), Err(ReadError::File(FileError::NotAFile(_)))));
}

#[test]
fn sizes_are_capped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wasm");
    // A sparse file: 256 MiB and one byte without using the disk.
    fs::File::create(&path).unwrap().set_len(256 * 1024 * 1024 + 1).unwrap();
    assert!(matches!(read_component(&path, &[]), Err(ReadError::File(FileError::TooBig { .. }))));
    write(directory.path(), "a.wasm", &component());
    write(directory.path(), "a.wasm.sigstore.json", &vec![b' '; 256 * 1024 + 1]);
    assert!(
        matches!(read_component(&path, &[]), Err(ReadError::File(FileError::TooBig { max, .. })) if max == 256 * 1024)
    );
    fs::remove_file(directory.path().join("a.wasm.sigstore.json")).unwrap();
    write(directory.path(), "a.wasm.receipt", &[b' '; 1_025]);
    assert!(matches!(read_component(&path, &[]), Err(ReadError::File(FileError::TooBig { max: 1_024, .. }))));
}

#[test]
fn what_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(find(&directory.path().join("a.wasm")), Err(ReadError::NotThere(_))));
    assert!(matches!(find(directory.path()), Err(ReadError::NoComponents(_))));
}
