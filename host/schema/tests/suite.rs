//! The official JSON Schema test suite, in all dialects that are spoken here. `cargo x clients` fetches it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidegate_schema::{OutputSchema, SchemaError};

/// Each dialect with its folder, the verdicts that are right at least, and the schemas that are refused at most. What is
/// refused is never served, so a refusal is no wrong verdict; more of them would be a step back.
const DIALECTS: [(&str, &str, usize, usize); 5] = [
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema", 1_149, 51),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema", 1_121, 44),
    ("draft7", "http://json-schema.org/draft-07/schema#", 864, 23),
    ("draft6", "http://json-schema.org/draft-06/schema#", 788, 19),
    ("draft4", "http://json-schema.org/draft-04/schema#", 581, 14),
];

#[derive(Default)]
struct Score {
    right: usize,
    wrong: Vec<String>,
    refused: BTreeMap<&'static str, Vec<String>>,
}

#[test]
fn the_official_suite_finds_no_wrong_verdict() {
    let suite = suite();
    for (folder, dialect, right, refused) in DIALECTS {
        let mut score = Score::default();
        for file in files(&suite.join(folder)) {
            let groups: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            for group in groups.as_array().unwrap() {
                score.add(&name, dialect, group);
            }
        }
        let counts: Vec<_> = score.refused.iter().map(|(why, which)| format!("{why}: {}", which.len())).collect();
        println!("{folder}: {} right, refused: {}", score.right, counts.join(", "));
        assert!(score.wrong.is_empty(), "{folder}: wrong verdicts:\n{}", score.wrong.join("\n"));
        let all: Vec<&String> = score.refused.values().flatten().collect();
        assert!(all.len() <= refused, "{folder}: {} schemas are refused, not {refused}:\n{all:#?}", all.len());
        assert!(score.right >= right, "{folder}: {} right verdicts, not {right}", score.right);
    }
}

impl Score {
    fn add(&mut self, file: &str, dialect: &str, group: &Value) {
        let name = format!("{file}: {}", group["description"]);
        let schema = match &group["schema"] {
            // A whole document is an object here; `true` and `false` are schemas within one.
            Value::Bool(all) => json!({"$schema": dialect, "allOf": [all]}),
            Value::Object(members) => {
                let mut members = members.clone();
                members.entry("$schema").or_insert_with(|| dialect.into());
                Value::Object(members)
            }
            other => panic!("{name}: {other} is no schema"),
        };
        let schema = match OutputSchema::read(&schema.to_string()) {
            Ok(schema) => schema,
            Err(error) => {
                let why =
                    documented(&error).unwrap_or_else(|| panic!("{name}: refused without a good reason: {error}"));
                self.refused.entry(why).or_default().push(format!("{name}: {error}"));
                return;
            }
        };
        for test in group["tests"].as_array().unwrap() {
            let verdict = schema.check(&test["data"].to_string());
            if verdict.is_ok() == test["valid"].as_bool().unwrap() {
                self.right += 1;
            } else {
                self.wrong.push(format!("{name}: {}: {verdict:?}", test["description"]));
            }
        }
    }
}

/// The reasons for which a schema may be refused: see docs/decisions/0021-output-schemas-are-checked-by-the-host.md. That
/// it is no schema of its dialect is none here, for all schemas of the suite are.
fn documented(error: &SchemaError) -> Option<&'static str> {
    let text = error.to_string();
    match error {
        SchemaError::Dialect(_) => Some("another dialect"),
        SchemaError::Fetch(_) if text.contains("a document of its own") => Some("documents within it"),
        SchemaError::Fetch(_) => Some("another document"),
        SchemaError::Invalid(_) if text.contains("in bounded time") => Some("a pattern without a bound"),
        _ => None,
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    files.sort();
    assert!(files.len() > 20, "`{}` is not the suite", folder.display());
    files
}

fn suite() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).unwrap();
    let suite = target.join("clients/schemas/suite/json/tests");
    assert!(suite.is_dir(), "`{}` is missing; run `cargo x clients`", suite.display());
    suite
}
