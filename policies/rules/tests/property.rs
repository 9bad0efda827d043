//! A grant never contains anything that no line of the policy names for that signer and component, and contains
//! everything that some line does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use tidegate_rules::{Source, Subject, decide, parse};

/// Numbers that look random and are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }
}

const SIGNERS: &[&str] = &["acme", "other", "local-build"];
const COMPONENTS: &[&str] = &["*", "weather", "roads"];

/// Line, signer, component, key and name.
type Line = (u32, &'static str, &'static str, &'static str, String);

/// A policy text, and for each of its grant lines: line, signer, component, key and name of what is granted.
fn random(numbers: &mut Numbers) -> (String, Vec<Line>) {
    let mut text = String::from("version = 1\n[secrets.s]\nfile = \"/s\"\n");
    for signer in ["acme", "other"] {
        text.push_str(&format!("[signers.{signer}]\npublic-key-file = \"{signer}.pub\"\n"));
    }
    let mut lines = Vec::new();
    for rule in 0..numbers.below(8) {
        let (signer, component) = (SIGNERS[numbers.below(3)], COMPONENTS[numbers.below(3)]);
        text.push_str(&format!("[[grant]]\nsigner = \"{signer}\"\ncomponent = \"{component}\"\n"));
        let items = [
            (
                "directories",
                format!("/d{rule}"),
                format!("[{{ host = \"/h\", guest = \"/d{rule}\", access = \"read-only\" }}]"),
            ),
            ("network", format!("h{rule}.test:443"), format!("[\"h{rule}.test:443\"]")),
            ("environment", format!("E{rule}"), format!("{{ E{rule} = \"v\" }}")),
            ("kv", format!("n{rule}"), format!("[{{ namespace = \"n{rule}\", access = \"read-only\" }}]")),
            ("secrets", "s".to_owned(), "[\"s\"]".to_owned()),
            ("config", format!("c{rule}"), format!("{{ c{rule} = \"v\" }}")),
            ("system", String::new(), "true".to_owned()),
            ("gateway", String::new(), "true".to_owned()),
        ];
        for (key, name, value) in items {
            if numbers.below(3) > 0 || (key == "gateway" && component == "*") {
                continue;
            }
            text.push_str(&format!("{key} = {value}\n"));
            let line = u32::try_from(text.lines().count()).unwrap();
            lines.push((line, signer, component, key, name));
        }
    }
    (text, lines)
}

#[test]
fn grants_are_exactly_what_lines_name() {
    let mut numbers = Numbers(2026);
    for _ in 0..2_000 {
        let (text, lines) = random(&mut numbers);
        let source = Source { name: "p".into(), folder: "/".into(), text: text.clone() };
        let policy = parse(&[source]).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for signer in SIGNERS.iter().chain(&["nobody"]) {
            for component in ["weather", "roads", "another"] {
                let subject = Subject { signer, component, imports: &[], requests: None };
                let granted = decide(&policy, &subject).grant.lines();
                let named = lines.iter().filter(|(_, by, of, ..)| by == signer && (*of == "*" || *of == component));
                let named: Vec<_> = named.collect();
                for line in &granted {
                    let found = named.iter().any(|(number, _, _, key, name)| {
                        *number == line.origin.line && *key == line.key && *name == line.name
                    });
                    assert!(found, "{signer} {component}: no line names {line:?}\n{text}");
                }
                let granted: BTreeSet<_> = granted.iter().map(|line| (line.key, line.name.clone())).collect();
                let named: BTreeSet<_> = named.iter().map(|(_, _, _, key, name)| (*key, name.clone())).collect();
                assert_eq!(granted, named, "{signer} {component}\n{text}");
            }
        }
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let mut numbers = Numbers(7);
    let whole = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ok/everything.toml")).unwrap();
    let letters: Vec<char> = whole.chars().collect();
    for _ in 0..2_000 {
        let mut broken = letters.clone();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(broken.len());
            match numbers.below(3) {
                0 => broken[at] = ['"', '[', '=', 'ü', '\n', '*', '0'][numbers.below(7)],
                1 if broken.len() > 1 => drop(broken.remove(at)),
                _ => broken.truncate(at.max(1)),
            }
        }
        let text: String = broken.into_iter().collect();
        if let Err(error) = parse(&[Source { name: "p".into(), folder: "/".into(), text: text.clone() }]) {
            let lines = text.split('\n').count();
            for problem in &error.problems {
                assert!(problem.line >= 1 && problem.column >= 1, "{problem}");
                assert!(usize::try_from(problem.line).unwrap() <= lines, "{problem}\n{text}");
            }
            assert!(!error.problems.is_empty());
        }
    }
}
