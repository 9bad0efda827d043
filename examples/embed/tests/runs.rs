//! The example, run as its first lines say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn embed(arguments: &[PathBuf]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate-example-embed")).args(arguments).output().unwrap()
}

/// A guest of the tests, in cargo's target directory.
fn fixture(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_tidegate-example-embed"));
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).unwrap();
    let path = target.join("fixtures").join(name);
    assert!(path.is_file(), "`{}` is missing; run `cargo x guests`", path.display());
    path
}

#[test]
fn it_loads_a_signed_component_calls_its_tool_and_follows_what_happens() {
    let output = embed(&[fixture("events.wasm")]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.first(), Some(&"events 0.1.0 is signed by publisher"), "{said}");
    assert!(said.contains("\n  work: Reports progress"), "{said}");
    let progress: Vec<&&str> = lines.iter().filter(|line| line.starts_with("progress ")).collect();
    assert_eq!(
        progress,
        [&"progress 1 of Some(3.0)", &"progress 2 of Some(3.0)", &"progress 3 of Some(3.0)"],
        "{said}"
    );
    let messages = lines.iter().filter(|line| line.contains(": \"step ")).count();
    assert_eq!(messages, 3, "{said}");
    assert!(lines.last().unwrap().starts_with("done: ") && said.contains("3 steps"), "{said}");
}

#[test]
fn without_a_component_it_says_what_to_do() {
    let output = embed(&[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("cargo x guests"), "{said}");
}
