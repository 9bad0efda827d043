//! What the fuzzer keeps, and real files, through the checks: `tests/fuzz/corpus/TARGET`, and files that lie elsewhere in
//! the checkout.
//!
//! `BLESS=1 cargo test -p tidegate-formats --test replay` writes the inputs `made-*`, which our own code makes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod made;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tidegate_formats::{keys, lock, manifest, oci, policy, signature, wit};

/// Most inputs that are kept for a target: the fuzzer keeps its own elsewhere.
const MOST: usize = 64;

/// A target, its check, and where else its inputs lie: folders, with the ending of the files.
type Target = (&'static str, fn(&[u8]) -> bool, &'static [(&'static str, &'static str)]);

const TARGETS: [Target; 7] = [
    ("keys", keys, &[]),
    ("lock", lock, &[]),
    ("manifest", manifest, &[("components", "tidegate.toml")]),
    ("oci", oci, &[]),
    (
        "policy",
        policy,
        &[("policies/presets", ".toml"), ("policies/rules/tests/ok", ".toml"), ("policies/rules/tests/fail", ".toml")],
    ),
    ("signature", signature, &[]),
    ("wit", wit, &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn corpus(target: &str) -> PathBuf {
    root().join("tests/fuzz/corpus").join(target)
}

/// The files of a folder and of those in it.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(files(&path, ending));
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn replay(target: &str) {
    let (_, check, elsewhere) = TARGETS.into_iter().find(|(name, ..)| *name == target).unwrap();
    let kept = files(&corpus(target), "");
    assert!(kept.len() <= MOST, "{} inputs are kept for {target}: keep those that found something", kept.len());
    let real = elsewhere.iter().flat_map(|(folder, ending)| files(&root().join(folder), ending));
    let (mut taken, mut refused) = (0, 0);
    for path in kept.into_iter().chain(real) {
        // A failure says what does not hold; this says where.
        println!("{}", path.display());
        match check(&fs::read(&path).unwrap()) {
            true => taken += 1,
            false => refused += 1,
        }
    }
    assert!(taken >= 3 && refused >= 1, "{target}: {taken} taken, {refused} refused: the corpus reaches nothing");
}

#[test]
fn keys_hold_for_the_corpus() {
    replay("keys");
}

#[test]
fn lock_holds_for_the_corpus() {
    replay("lock");
}

#[test]
fn manifest_holds_for_the_corpus() {
    replay("manifest");
}

#[test]
fn oci_holds_for_the_corpus() {
    replay("oci");
}

#[test]
fn policy_holds_for_the_corpus() {
    replay("policy");
}

#[test]
fn signature_holds_for_the_corpus() {
    replay("signature");
}

#[test]
fn wit_holds_for_the_corpus() {
    replay("wit");
}

/// The inputs that our own code makes are those that it makes today, and are taken.
#[test]
fn what_we_make_is_taken() {
    for (target, check, _) in TARGETS {
        let made = made::made(target);
        assert!(!made.is_empty());
        let mut names = BTreeSet::new();
        for (name, bytes) in made {
            let path = corpus(target).join(format!("made-{name}"));
            if std::env::var_os("BLESS").is_some() {
                fs::create_dir_all(corpus(target)).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            assert!(fs::read(&path).is_ok_and(|kept| kept == bytes), "{} is another: run with BLESS=1", path.display());
            assert!(check(&bytes), "{} is not taken", path.display());
            names.insert(path);
        }
        let old = files(&corpus(target), "").into_iter().filter(|path| !names.contains(path));
        let old: Vec<_> = old.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("made-")).collect();
        assert_eq!(old, Vec::<PathBuf>::new(), "nothing makes these");
    }
}

/// At a bound it is taken, beyond it is not.
#[test]
fn what_is_too_large_is_refused() {
    for (target, name, at, beyond) in made::bounds() {
        let (_, check, _) = TARGETS.into_iter().find(|(known, ..)| *known == target).unwrap();
        assert!(check(&at), "{name}: what is at the bound is refused");
        assert!(!check(&beyond), "{name}: what is beyond the bound is taken");
    }
}

#[test]
fn every_corpus_has_a_target() {
    // Those of components are replayed by the components' own tests.
    let components = |name: &str| name.starts_with("mcp-") || name == "gguf";
    let known = |name: &str| components(name) || TARGETS.iter().any(|(target, ..)| *target == name);
    for entry in fs::read_dir(root().join("tests/fuzz/corpus")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known(&name), "nothing replays tests/fuzz/corpus/{name}");
    }
}
