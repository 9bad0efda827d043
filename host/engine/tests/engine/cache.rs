//! Compiled code is believed only if this host made it, for this component.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_engine::{Engine, EngineConfig, HostKey, LoadError, Origin};

use crate::common::{answering, cached, call, config, digest, load};

const SECOND: Duration = Duration::from_secs(10);

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn is_compiled(origin: &Origin) -> bool {
    matches!(origin, Origin::Compiled { .. })
}

#[tokio::test]
async fn a_second_load_is_from_the_cache() {
    let directory = tempfile::tempdir().unwrap();
    let first = load(&cached(directory.path()), &answering(42)).await.unwrap();
    assert!(is_compiled(&first.origin));
    let engine = cached(directory.path());
    let second = load(&engine, &answering(42)).await.unwrap();
    assert_eq!(second.origin, Origin::Cache);
    assert_eq!(call(&engine, &second.component, SECOND).await.unwrap(), 42);
    let entry = &entries(directory.path())[0];
    assert_eq!(fs::metadata(entry).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_changed_entry_is_compiled_again() {
    let directory = tempfile::tempdir().unwrap();
    let engine = cached(directory.path());
    load(&engine, &answering(42)).await.unwrap();
    let entry = entries(directory.path())[0].clone();
    let good = fs::read(&entry).unwrap();
    // Magic, HMAC, first byte of code, somewhere, last byte; and cut short.
    for place in [0, 7, 8, 39, 40, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        fs::write(&entry, bad).unwrap();
        let loaded = load(&engine, &answering(42)).await.unwrap();
        assert!(is_compiled(&loaded.origin), "a flipped bit in byte {place} was not noticed");
        assert_eq!(call(&engine, &loaded.component, SECOND).await.unwrap(), 42);
    }
    for length in [0, 20, good.len() - 1] {
        fs::write(&entry, &good[..length]).unwrap();
        assert!(is_compiled(&load(&engine, &answering(42)).await.unwrap().origin));
    }
    assert_eq!(load(&engine, &answering(42)).await.unwrap().origin, Origin::Cache);
}

#[tokio::test]
async fn an_entry_of_another_component_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let engine = cached(directory.path());
    load(&engine, &answering(1)).await.unwrap();
    let one = entries(directory.path())[0].clone();
    load(&engine, &answering(2)).await.unwrap();
    let two = entries(directory.path()).into_iter().find(|path| *path != one).unwrap();
    fs::copy(&one, &two).unwrap();
    let loaded = load(&engine, &answering(2)).await.unwrap();
    assert!(is_compiled(&loaded.origin));
    assert_eq!(call(&engine, &loaded.component, SECOND).await.unwrap(), 2);
}

#[tokio::test]
async fn an_entry_of_another_host_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    load(&cached(directory.path()), &answering(1)).await.unwrap();
    let cache_dir = Some(directory.path().to_owned());
    let other = Engine::new(EngineConfig { host_key: HostKey([8; 32]), cache_dir, ..config() }).unwrap();
    assert!(is_compiled(&load(&other, &answering(1)).await.unwrap().origin));
}

#[tokio::test]
async fn a_link_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let engine = cached(directory.path());
    load(&engine, &answering(1)).await.unwrap();
    let entry = entries(directory.path())[0].clone();
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &entry).unwrap();
    assert!(is_compiled(&load(&engine, &answering(1)).await.unwrap().origin));
    assert!(elsewhere.exists());
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_first() {
    let directory = tempfile::tempdir().unwrap();
    load(&cached(directory.path()), &answering(1)).await.unwrap();
    let entry = entries(directory.path())[0].clone();
    let cache_bytes = fs::metadata(&entry).unwrap().len() * 2 + 1000;
    let cache_dir = Some(directory.path().to_owned());
    let engine = Engine::new(EngineConfig { cache_dir, cache_bytes, ..config() }).unwrap();
    load(&engine, &answering(2)).await.unwrap();
    // Used again, so that the second one is the oldest.
    assert_eq!(load(&engine, &answering(1)).await.unwrap().origin, Origin::Cache);
    load(&engine, &answering(3)).await.unwrap();
    assert_eq!(entries(directory.path()).len(), 2);
    assert_eq!(load(&engine, &answering(1)).await.unwrap().origin, Origin::Cache);
    assert_eq!(load(&engine, &answering(3)).await.unwrap().origin, Origin::Cache);
}

#[tokio::test]
async fn native_code_is_no_component() {
    let directory = tempfile::tempdir().unwrap();
    let engine = cached(directory.path());
    load(&engine, &answering(1)).await.unwrap();
    let entry = fs::read(&entries(directory.path())[0]).unwrap();
    let code = &entry[40..];
    assert!(code.starts_with(b"\x7fELF"), "the layout of an entry has changed");
    assert!(matches!(engine.load(code, &digest(code)).await, Err(LoadError::NativeCode)));
    assert!(matches!(engine.load(&entry, &digest(&entry)).await, Err(LoadError::NotWasm)));
}
