//! `docs/attacks.md` says what the table says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use tidegate_attack::table::{GROUPS, HELD, document};

#[test]
fn the_page_of_attacks_lists_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/attacks.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert_eq!(page, document(), "`BLESS=1 cargo test -p tidegate-attack --test document` writes it");
}

#[test]
fn every_row_is_one_attack_with_words_and_an_exit_code() {
    let mut names = BTreeSet::new();
    for row in GROUPS.iter().flat_map(|group| group.rows) {
        assert!(names.insert(row.name), "`{}` stands twice", row.name);
        assert!(!row.attack.is_empty() && !row.says.is_empty(), "{}", row.name);
        assert_ne!(row.code, 0, "`{}` would be accepted", row.name);
    }
    assert!(names.len() >= 70, "{}", names.len());
}

#[test]
fn every_attack_with_a_test_of_its_own_has_that_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = String::new();
    for folder in ["host", "registry", "policies", "tests"] {
        read_sources(&root.join(folder), &mut sources);
    }
    for row in HELD.iter().flat_map(|(_, rows)| *rows) {
        let there = sources.contains(&format!("fn {}()", row.test));
        assert!(there && !row.attack.is_empty() && !row.outcome.is_empty(), "{}: `{}`", row.attack, row.test);
    }
}

fn read_sources(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            let name = entry.file_name();
            if name != "target" && name != "node_modules" {
                read_sources(&path, all);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
