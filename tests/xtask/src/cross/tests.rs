#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use tidegate_bundle::CodeTarget;

use super::targets::{TARGETS, named};
use super::{Row, Wanted, table};

#[test]
fn targets_are_chosen_by_name() {
    let names = |arguments: &[&str]| -> Result<Vec<&str>, String> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let wanted = Wanted::read(&arguments).map_err(|error| error.to_string())?;
        Ok(wanted.targets.iter().map(|target| target.name).collect())
    };
    assert_eq!(names(&[]).unwrap().len(), TARGETS.len());
    assert_eq!(names(&["i686", "--quick", "aarch64-unknown-linux-musl"]).unwrap(), ["i686", "aarch64"]);
    assert!(names(&["mips"]).unwrap_err().contains("there are aarch64, x86_64, riscv64, armv7, i686"));
    assert!(names(&["--fast"]).unwrap_err().contains("--help"));
}

#[test]
fn every_kind_of_code_is_one_that_is_built() {
    for target in TARGETS {
        assert!(target.triple.contains("-linux-musl"), "{}", target.triple);
        assert_eq!(named(&[target.triple]).unwrap(), [&target]);
        for code in target.code {
            let code: CodeTarget = code.parse().unwrap();
            let narrow = matches!(target.name, "armv7" | "i686");
            assert_eq!(code == CodeTarget::Pulley32, narrow, "{}", target.name);
        }
    }
}

#[test]
fn the_table_says_what_passed_and_what_did_not() {
    let passed =
        Row { name: "aarch64", bytes: Some(5_000_000), end: Ok(("aarch64-unknown-linux-gnu".to_owned(), 40_000)) };
    let failed = Row { name: "armv7", bytes: None, end: Err("it was not built".to_owned()) };
    let text = table(&[passed, failed]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[2].starts_with("| aarch64 | 5000000 | aarch64-unknown-linux-gnu | 40000 | passed |"), "{text}");
    assert!(lines[3].starts_with("| armv7 | - | - | - | FAILED: it was not built |"), "{text}");
}
