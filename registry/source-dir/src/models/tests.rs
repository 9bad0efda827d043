#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::BLOB_CHUNK;

struct Site {
    folder: tempfile::TempDir,
    state: tempfile::TempDir,
    store: ModelStore,
}

impl Site {
    fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = ModelStore::open(state.path()).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), state, store }
    }

    fn folder(&self, files: &[(&str, &[u8])]) -> (ModelFolder, BTreeMap<String, Digest>) {
        fs::write(self.folder.path().join(MODEL_MANIFEST), b"manifest").unwrap();
        fs::write(self.folder.path().join("model.toml.sigstore.json"), b"signature").unwrap();
        let mut digests = BTreeMap::new();
        for (name, bytes) in files {
            fs::write(self.folder.path().join(name), bytes).unwrap();
            digests.insert((*name).to_owned(), Digest::of(bytes));
        }
        (ModelFolder::read(self.folder.path()).unwrap(), digests)
    }

    fn blobs(&self) -> usize {
        fs::read_dir(self.state.path().join("models/blobs")).unwrap().count()
    }
}

fn name(text: &str) -> ComponentName {
    text.parse().unwrap()
}

#[test]
fn files_are_kept_once_and_go_with_their_last_model() {
    let site = Site::new();
    let (folder, files) = site.folder(&[("a.bin", b"weights"), ("t.json", b"tokens")]);
    site.store.install(&name("one"), &folder, &files, Some(7)).unwrap();
    let (folder, more) = site.folder(&[("a.bin", b"weights"), ("b.bin", b"more weights")]);
    site.store.install(&name("two"), &folder, &more, None).unwrap();
    assert_eq!(site.blobs(), 3);

    let listed = site.store.list().unwrap();
    let names: Vec<_> = listed.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    let one = listed[0].stored.as_ref().unwrap();
    assert_eq!((one.manifest.as_slice(), one.signature.as_slice()), (&b"manifest"[..], &b"signature"[..]));
    assert_eq!(one.added, Some(7));

    assert!(site.store.remove(&name("one")).unwrap());
    assert!(!site.store.remove(&name("one")).unwrap());
    assert_eq!(site.blobs(), 2);
    assert_eq!(site.store.open_blob(&files["a.bin"]).unwrap().read(0, 100).unwrap(), b"weights");
    assert!(site.store.remove(&name("two")).unwrap());
    assert_eq!(site.blobs(), 0);
}

#[test]
fn what_is_not_what_was_signed_is_not_kept() {
    let site = Site::new();
    let (folder, mut files) = site.folder(&[("a.bin", b"weights")]);
    files.insert("a.bin".to_owned(), Digest::of(b"other weights"));
    let refused = site.store.install(&name("m"), &folder, &files, None);
    assert!(matches!(refused, Err(ModelStoreError::OtherFile { .. })), "{refused:?}");
    files.insert("missing.bin".to_owned(), Digest::of(b""));
    files.remove("a.bin");
    let refused = site.store.install(&name("m"), &folder, &files, None);
    assert!(matches!(refused, Err(ModelStoreError::NoFile(_))), "{refused:?}");
    assert_eq!((site.blobs(), site.store.list().unwrap().len()), (0, 0));
}

#[test]
fn a_file_that_changes_after_it_was_opened_gives_nothing() {
    let site = Site::new();
    let chunk = usize::try_from(BLOB_CHUNK).unwrap();
    let bytes: Vec<u8> = (0..2 * chunk + 100).map(|at| (at / 7 % 251) as u8).collect();
    let (folder, files) = site.folder(&[("a.bin", &bytes)]);
    site.store.install(&name("m"), &folder, &files, None).unwrap();
    let blob = site.store.open_blob(&files["a.bin"]).unwrap();
    assert_eq!(blob.size(), bytes.len() as u64);
    // Across chunks, at the end, beyond it, more than is given at once.
    for (offset, length) in [(0, 10), (chunk - 5, 10), (2 * chunk, 1000), (bytes.len(), 5), (0, 3 * chunk), (7, chunk)]
    {
        let upto = (offset + length.min(chunk)).min(bytes.len());
        assert_eq!(blob.read(offset as u64, length as u64).unwrap(), bytes[offset..upto], "{offset} {length}");
    }
    assert_eq!(blob.read(u64::MAX, u64::MAX).unwrap(), b"");

    let path = site.state.path().join("models/blobs").join(files["a.bin"].to_hex());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut changed = bytes.clone();
    changed[chunk + 3] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert!(matches!(blob.read(chunk as u64, 10), Err(BlobError::Changed(_))));
    // What was not touched is what was verified.
    assert_eq!(blob.read(0, 10).unwrap(), bytes[..10]);
    assert!(matches!(site.store.open_blob(&files["a.bin"]), Err(ModelStoreError::Blob(BlobError::Changed(_)))));
    fs::write(&path, b"short").unwrap();
    assert!(matches!(blob.read(0, 10), Err(BlobError::Changed(_))));
    // Adding the model again mends it.
    site.store.install(&name("m"), &folder, &files, None).unwrap();
    assert_eq!(site.store.open_blob(&files["a.bin"]).unwrap().size(), bytes.len() as u64);
}

#[test]
fn only_the_folder_or_the_manifest_is_a_model() {
    let site = Site::new();
    let missing = ModelFolder::read(&site.folder.path().join("nowhere"));
    assert!(matches!(missing, Err(ModelStoreError::NotThere(_))), "{missing:?}");
    let (folder, _) = site.folder(&[("a.bin", b"weights")]);
    assert!(matches!(ModelFolder::read(&folder.folder.join("a.bin")), Err(ModelStoreError::NotThere(_))));
    assert_eq!(ModelFolder::read(&folder.folder.join(MODEL_MANIFEST)).unwrap().manifest, b"manifest");
    assert_eq!(folder.digest("a.bin").unwrap(), Digest::of(b"weights"));
}
