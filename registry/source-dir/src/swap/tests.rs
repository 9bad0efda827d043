#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::Path;

use crate::swap::{put_in_place, recover, swap_in_two_steps};

fn make(root: &Path, directory: &str, text: &str) {
    fs::create_dir(root.join(directory)).unwrap();
    fs::write(root.join(directory).join("file"), text).unwrap();
}

fn read(root: &Path) -> String {
    fs::read_to_string(root.join("a/file")).unwrap()
}

fn count(root: &Path) -> usize {
    fs::read_dir(root).unwrap().count()
}

#[test]
fn both_ways_replace() {
    for swap in [put_in_place, swap_in_two_steps] {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), "a", "old");
        make(root.path(), ".new-a", "new");
        swap(root.path(), &"a".parse().unwrap()).unwrap();
        assert_eq!((read(root.path()).as_str(), count(root.path())), ("new", 1));
    }
}

#[test]
fn the_first_is_put_in_place() {
    let root = tempfile::tempdir().unwrap();
    make(root.path(), ".new-a", "new");
    put_in_place(root.path(), &"a".parse().unwrap()).unwrap();
    assert_eq!((read(root.path()).as_str(), count(root.path())), ("new", 1));
}

/// Every state in which a crash can leave the two-step replacement and the swap.
#[test]
fn a_crash_at_any_step_leaves_the_old_or_the_new() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("a", "old"), (".new-a", "half")], "old"),
        (&[(".old-a", "old"), (".new-a", "new")], "old"),
        (&[(".old-a", "old"), ("a", "new")], "new"),
        (&[("a", "new"), (".new-a", "old")], "new"),
    ];
    for (directories, expected) in cases {
        let root = tempfile::tempdir().unwrap();
        for (directory, text) in *directories {
            make(root.path(), directory, text);
        }
        recover(root.path()).unwrap();
        assert_eq!((read(root.path()).as_str(), count(root.path())), (*expected, 1), "{directories:?}");
        recover(root.path()).unwrap();
        assert_eq!(read(root.path()), *expected, "recovering twice changes nothing");
    }
}

#[test]
fn what_is_not_ours_stays() {
    let root = tempfile::tempdir().unwrap();
    for other in [".old-Not-A-Name", "b", ".lock"] {
        make(root.path(), other, "x");
    }
    recover(root.path()).unwrap();
    assert_eq!(count(root.path()), 3);
}
