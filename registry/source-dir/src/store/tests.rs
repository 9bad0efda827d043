#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Barrier;

use tidegate_bundle::{Bundle, BundleError, CodeTarget, NativeFile};

use crate::{Installed, Proof, Store, StoreError};

fn bundle(sections: usize) -> Bundle {
    Bundle::new(wat::parse_str(format!("(component {})", "(component)".repeat(sections))).unwrap(), vec![]).unwrap()
}

fn signature() -> Proof {
    Proof::Signature(b"signature".to_vec())
}

fn install(store: &Store, reference: &str, sections: usize) {
    store.install(&bundle(sections), &reference.parse().unwrap(), &signature(), None, Some(7)).unwrap();
}

fn references(store: &Store) -> Vec<String> {
    let listed = store.list(&[]).unwrap();
    listed.iter().map(|place| place.installed.as_ref().unwrap().entry.reference.to_string()).collect()
}

fn get(store: &Store, name: &str) -> Result<Option<Installed>, StoreError> {
    store.get(&name.parse().unwrap(), &[])
}

fn files(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn native_code_is_kept_with_the_component_and_goes_with_it() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    let name = "a@1.0.0".parse().unwrap();
    let native = NativeFile::new(CodeTarget::Pulley64, &b"code"[..], Some(b"signed".to_vec()), "a.cwasm");
    store.install(&bundle(1), &name, &signature(), Some(&native), None).unwrap();
    let kept = store.get(&name.name, &[CodeTarget::Pulley64]).unwrap().unwrap().native;
    assert_eq!((&**kept[0].code(), kept[0].signature()), (&b"code"[..], Some(&b"signed"[..])));
    assert!(store.get(&name.name, &[CodeTarget::Pulley32]).unwrap().unwrap().native.is_empty());
    assert!(get(&store, "a").unwrap().unwrap().native.is_empty());
    assert_eq!(store.list(&CodeTarget::ALL).unwrap()[0].installed.as_ref().unwrap().native.len(), 1);
    // In place of it comes one without.
    store.install(&bundle(1), &name, &signature(), None, None).unwrap();
    assert!(store.get(&name.name, &CodeTarget::ALL).unwrap().unwrap().native.is_empty());
}

#[test]
fn what_is_installed_is_read_back() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    assert!(store.list(&[]).unwrap().is_empty());
    let entry = store.install(&bundle(1), &"a@1.0.0".parse().unwrap(), &signature(), None, Some(7)).unwrap();
    assert_eq!((entry.sequence, entry.added, entry.digest), (1, Some(7), bundle(1).digest()));
    store.install(&bundle(2), &"b@1.0.0".parse().unwrap(), &Proof::Receipt(b"receipt".to_vec()), None, None).unwrap();

    let again = Store::open(state.path()).unwrap();
    let a = get(&again, "a").unwrap().unwrap();
    assert_eq!((a.entry, a.receipt), (entry, None));
    assert_eq!(a.bundle.bytes(), bundle(1).bytes());
    assert_eq!(a.bundle.signatures(), [b"signature".to_vec()]);
    assert_eq!(a.bundle.label(), "a");
    let b = get(&again, "b").unwrap().unwrap();
    assert!(b.bundle.signatures().is_empty());
    assert_eq!((b.receipt.as_deref(), b.entry.added), (Some(&b"receipt"[..]), None));
    assert!(get(&again, "c").unwrap().is_none());
    assert_eq!(files(&store.root().join("a")), ["component.wasm", "entry.json", "signature.sigstore.json"]);
    assert_eq!(files(&store.root().join("b")), ["component.wasm", "entry.json", "receipt"]);
    let mode = |path: &str| fs::metadata(store.root().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("a"), mode("a/entry.json")), (0o700, 0o700, 0o600));
}

#[test]
fn the_list_is_in_the_order_of_addition() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    for reference in ["z@1.0.0", "a@1.0.0", "m@1.0.0"] {
        install(&store, reference, 0);
    }
    assert_eq!(references(&store), ["z@1.0.0", "a@1.0.0", "m@1.0.0"]);
    install(&store, "a@2.0.0", 1);
    assert_eq!(references(&store), ["z@1.0.0", "a@2.0.0", "m@1.0.0"], "a replacement keeps its place");
    assert_eq!(get(&store, "a").unwrap().unwrap().bundle.digest(), bundle(1).digest());
    assert!(store.remove(&"z".parse().unwrap()).unwrap());
    assert!(!store.remove(&"z".parse().unwrap()).unwrap());
    install(&store, "z@1.0.0", 0);
    assert_eq!(references(&store), ["a@2.0.0", "m@1.0.0", "z@1.0.0"], "what was removed comes back last");
    assert_eq!(files(store.root()), [".lock", "a", "m", "z"]);
}

#[test]
fn a_replacement_leaves_nothing_of_the_former() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    install(&store, "a@1.0.0", 0);
    store.install(&bundle(0), &"a@1.0.0".parse().unwrap(), &Proof::Receipt(b"r".to_vec()), None, None).unwrap();
    assert_eq!(files(&store.root().join("a")), ["component.wasm", "entry.json", "receipt"]);
}

#[test]
fn a_crash_while_writing_leaves_the_old() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    install(&store, "a@1.0.0", 0);
    // Half a replacement, half a first installation, and one of which only the directory was made.
    for name in ["a", "b", "c"] {
        fs::create_dir(store.root().join(format!(".new-{name}"))).unwrap();
    }
    fs::write(store.root().join(".new-a/component.wasm"), b"\0asm").unwrap();
    fs::write(store.root().join(".new-b/entry.json"), b"{\"sequence\":").unwrap();
    assert_eq!(references(&store), ["a@1.0.0"]);
    assert_eq!(files(store.root()), [".lock", "a"]);
    install(&store, "b@1.0.0", 0);
    assert_eq!(references(&store), ["a@1.0.0", "b@1.0.0"]);
}

#[test]
fn what_was_changed_on_the_disk_is_damaged_and_hides_no_other() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    for name in ["bytes", "cut", "entry", "good", "link", "moved", "no-entry", "no-proof"] {
        install(&store, &format!("{name}@1.0.0"), 0);
    }
    let at = |path: &str| store.root().join(path);
    fs::write(at("bytes/component.wasm"), bundle(1).bytes()).unwrap();
    fs::write(at("cut/component.wasm"), b"").unwrap();
    fs::write(at("entry/entry.json"), b"{\"sequence\":1,\"sequence\":1}").unwrap();
    fs::remove_file(at("link/component.wasm")).unwrap();
    symlink(at("good/component.wasm"), at("link/component.wasm")).unwrap();
    fs::rename(at("moved"), at("moved-away")).unwrap();
    fs::remove_file(at("no-entry/entry.json")).unwrap();
    fs::remove_file(at("no-proof/signature.sigstore.json")).unwrap();
    symlink(at("good"), at("linked")).unwrap();
    fs::create_dir(at("Not-A-Name")).unwrap();

    let listed = store.list(&[]).unwrap();
    assert_eq!(listed.len(), 8);
    assert_eq!(listed[0].name.as_str(), "good");
    assert!(listed[0].installed.is_ok());
    for place in &listed[1..] {
        let error = place.installed.as_ref().unwrap_err();
        let expected = match place.name.as_str() {
            "bytes" => matches!(error, StoreError::Changed { .. }),
            "cut" => matches!(error, StoreError::Bundle { source: BundleError::Component(_), .. }),
            "entry" => matches!(error, StoreError::Entry { .. }),
            "link" => matches!(error, StoreError::File(_)),
            "moved-away" => matches!(error, StoreError::OtherName { .. }),
            "no-entry" => matches!(error, StoreError::Incomplete { file: "entry.json", .. }),
            "no-proof" => matches!(error, StoreError::Incomplete { .. }),
            other => panic!("{other}"),
        };
        assert!(expected, "{}: {error}", place.name);
        assert!(place.name.as_str() == "link" || error.to_string().contains("tidegate remove"), "{error}");
    }
    assert!(get(&store, "linked").unwrap().is_none());

    for name in ["bytes", "no-entry"] {
        install(&store, &format!("{name}@2.0.0"), 0);
        assert!(get(&store, name).unwrap().is_some(), "a damaged component can be replaced");
    }
    assert!(store.remove(&"entry".parse().unwrap()).unwrap(), "and removed");
}

#[test]
fn writers_and_readers_at_once_see_whole_components() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    install(&store, "shared@1.0.0", 0);
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (start, path) = (&start, state.path());
            scope.spawn(move || {
                // A store of its own, so a lock of its own: as another process has it.
                let store = Store::open(path).unwrap();
                start.wait();
                for i in 0..20 {
                    install(&store, "shared@1.0.0", i);
                    install(&store, &format!("own-{writer}-{i}@1.0.0"), 0);
                }
            });
        }
        for _ in 0..2 {
            let (start, path) = (&start, state.path());
            scope.spawn(move || {
                let store = Store::open(path).unwrap();
                start.wait();
                for _ in 0..40 {
                    assert!(store.list(&[]).unwrap().iter().all(|place| place.installed.is_ok()));
                    assert!(get(&store, "shared").unwrap().is_some(), "never absent while it is replaced");
                }
            });
        }
    });
    let mut sequences: Vec<_> =
        store.list(&[]).unwrap().into_iter().map(|place| place.installed.unwrap().entry.sequence).collect();
    assert_eq!(sequences.len(), 41);
    sequences.dedup();
    assert_eq!(sequences.len(), 41, "no place is given twice");
}

#[test]
fn what_is_in_the_way_goes() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    install(&store, "a@1.0.0", 0);
    fs::write(store.root().join(".new-a"), b"").unwrap();
    symlink(store.root().join("a"), store.root().join(".new-b")).unwrap();
    install(&store, "a@2.0.0", 1);
    assert_eq!(references(&store), ["a@2.0.0"]);
    assert_eq!(files(store.root()), [".lock", "a"]);
}

#[test]
fn what_could_not_be_written_changes_nothing() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    install(&store, "a@1.0.0", 0);
    let (new, place) = (store.root().join(".new-a"), store.root().join("a"));
    // A directory that is there already stops the writing before the first file.
    fs::create_dir(&new).unwrap();
    let entry = get_entry(&place);
    assert!(super::write_component(&new, &bundle(1), &signature(), None, &entry).is_err());
    assert_eq!(references(&store), ["a@1.0.0"]);
}

fn get_entry(place: &Path) -> crate::Entry {
    serde_json::from_slice(&fs::read(place.join("entry.json")).unwrap()).unwrap()
}
