#![allow(clippy::unwrap_used, reason = "tests")]

use super::{Count, summary};

fn count(passed: usize, failed: usize) -> Option<Count> {
    Some(Count { passed, failed })
}

#[test]
fn libtest_is_counted() {
    let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s";
    assert_eq!(summary(line), count(3, 2));
}

#[test]
fn nextest_is_counted() {
    assert_eq!(summary("     Summary [   0.023s] 12 tests run: 12 passed, 3 skipped"), count(12, 0));
    let line =
        "     Summary [  61.023s] 12 tests run: 9 passed (1 slow), 1 failed, 1 timed out, 1 exec failed, 3 skipped";
    assert_eq!(summary(line), count(9, 3));
}

#[test]
fn other_lines_count_nothing() {
    assert_eq!(summary("running 3 tests"), None);
    assert_eq!(summary("  a test says: 5 passed, 3 failed"), None);
}

#[test]
fn a_program_that_dies_before_it_counts_is_a_failure() {
    let died = super::counted(std::process::Command::new("cargo").arg("no-such-subcommand")).unwrap();
    assert_eq!(Some(died), count(0, 1));
}
