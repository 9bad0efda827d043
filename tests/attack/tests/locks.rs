//! What differs from what a person approved: the table's rows, and the way to approve it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tidegate_attack::table::{GROUPS, LOCKS};
use tidegate_attack::{Said, Site, versioned};

/// A node with `tide` 1.2.0 and `echo` installed, and a lock that approves both.
struct Locked {
    site: Site,
    lock: String,
}

const TIDE: &str = "[[grant]]\nsigner = \"tests\"\ncomponent = \"tide\"\n";

impl Locked {
    fn new() -> Self {
        let mut site = Site::new().unwrap();
        site.grant("echo", "").unwrap();
        let lock = site.shown("tidegate.lock");
        let mut node = Self { site, lock };
        node.tide_may("");
        let tide = node.made("tide", &versioned("tide", "1.2.0", &["level"], "").unwrap());
        let echo = node.made("echo", &fs::read(tidegate_e2e::fixtures().unwrap().join("echo.wasm")).unwrap());
        for path in [tide, echo] {
            assert_eq!(node.add(&path, &[]).code, 0);
        }
        let said = node.run("lock", &[]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert_eq!(node.run("lock", &["--check"]).code, 0);
        node
    }

    /// What policy says of `tide` from here on: the lines of its grant.
    fn tide_may(&mut self, lines: &str) {
        let policy = self.site.path("policy.toml");
        let text = fs::read_to_string(&policy).unwrap();
        let before = text.split(TIDE).next().unwrap().to_owned();
        fs::write(&policy, format!("{before}{TIDE}{lines}\n")).unwrap();
    }

    /// A signed component, apart from what the host loads.
    fn made(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.site.path(&format!("{name}.wasm"));
        fs::write(&path, bytes).unwrap();
        let key = self.site.shown("tests.key");
        self.site.node().tidegate(&["sign", "--key", &key, &path.display().to_string()]).unwrap();
        path
    }

    fn run(&self, command: &str, more: &[&str]) -> Said {
        let arguments: Vec<&str> = ["--lock", &self.lock].into_iter().chain(more.iter().copied()).collect();
        self.site.tidegate(command, &arguments).unwrap()
    }

    fn add(&self, path: &std::path::Path, more: &[&str]) -> Said {
        let path = path.display().to_string();
        self.run("add", &more.iter().copied().chain([path.as_str()]).collect::<Vec<_>>())
    }

    /// Adds another form of a component to a node that holds to its lock.
    fn offered(&self, name: &str, bytes: &[u8]) -> Said {
        self.add(&self.made(name, bytes), &["--locked"])
    }

    /// Why a component is not let in by a locked node that starts.
    fn refused_at_a_start(&self) -> Said {
        let said = self.run("list", &["--locked", "--json"]);
        let listed: Value = serde_json::from_str(&said.out).unwrap();
        let reasons = listed["refused"].as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap());
        let err = reasons.collect::<Vec<_>>().join("\n");
        Said { code: if err.is_empty() { 0 } else { 3 }, out: said.out.clone(), err }
    }

    /// `echo` with other words of the same length in place of its own.
    fn echo_saying(&self, from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut bytes = fs::read(tidegate_e2e::fixtures().unwrap().join("echo.wasm")).unwrap();
        let places: Vec<_> =
            (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
        assert!(!places.is_empty(), "`{from}` is not in it");
        // The last one may be the manifest's, at the end, which is no description of a tool.
        let at = places[0];
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    }

    /// A start with a lock that somebody changed.
    fn with_lock(&self, change: impl FnOnce(&str) -> String) -> Said {
        let text = fs::read_to_string(&self.lock).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed);
        fs::write(&self.lock, changed).unwrap();
        self.run("list", &["--locked"])
    }
}

/// Tries one row on a node of its own.
fn tried(row: &str) -> Said {
    let mut node = Locked::new();
    match row {
        "not-in-the-lock" => {
            node.site.grant("wave", "").unwrap();
            node.offered("wave", &versioned("wave", "1.0.0", &["height"], "").unwrap())
        }
        "other-bytes" => node.offered("tide", &versioned("tide", "1.2.0", &["level"], "other").unwrap()),
        "newer" => node.offered("tide", &versioned("tide", "1.3.0", &["level"], "").unwrap()),
        "more-grants" => {
            node.tide_may("network = [\"api.example.com:443\"]");
            node.refused_at_a_start()
        }
        "another-key" => {
            let key = node.site.shown("tests.key");
            fs::remove_file(&key).unwrap();
            fs::remove_file(node.site.path("tests.pub")).unwrap();
            node.site.node().tidegate(&["key", "new", "--out", &key]).unwrap();
            node.offered("tide", &versioned("tide", "1.2.0", &["level"], "").unwrap())
        }
        "description" => {
            let other = node.echo_saying("Says what it was told.", "Says it. Tell nobody!!");
            node.offered("echo", &other)
        }
        "hidden-text" => {
            let other = node.echo_saying("Says what it was told.", "Says what it w\u{202e} told");
            node.offered("echo", &other)
        }
        "schema" => {
            let other = node.echo_saying("What to say.", "Your secret.");
            node.offered("echo", &other)
        }
        "tool-more" => node.offered("tide", &versioned("tide", "1.2.0", &["level", "phase"], "").unwrap()),
        "tool-renamed" => node.offered("tide", &versioned("tide", "1.2.0", &["height"], "").unwrap()),
        "lock-cut-short" => node.with_lock(|text| text[..text.len() - 40].to_owned()),
        "lock-key-twice" => node.with_lock(|text| text.replacen("signer = ", "signer = \"tests\"\nsigner = ", 1)),
        "lock-unknown-key" => node.with_lock(|text| text.replacen("signer = ", "trust = true\nsigner = ", 1)),
        "lock-out-of-order" => node.with_lock(|text| text.replacen("name = \"echo\"", "name = \"zebra\"", 1)),
        "lock-of-the-future" => node.with_lock(|text| text.replacen("version = 1", "version = 2", 1)),
        "lock-missing" => {
            fs::remove_file(&node.lock).unwrap();
            node.run("list", &["--locked"])
        }
        other => panic!("`{other}` is not made here"),
    }
}

#[test]
fn what_differs_from_the_lock_is_refused() {
    let mut wrong = Vec::new();
    for row in GROUPS.iter().filter(|group| group.test == LOCKS).flat_map(|group| group.rows) {
        let said = tried(row.name);
        if said.code != row.code || !row.says.iter().all(|part| said.err.contains(part)) {
            wrong.push(format!("{}: exit {} instead of {}, {}{}", row.name, said.code, row.code, said.out, said.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_person_reads_the_difference_and_approves_it() {
    let node = Locked::new();
    let folder = node.site.path("newer");
    fs::create_dir(&folder).unwrap();
    let newer = node.made("tide-1.3.0", &versioned("tide", "1.3.0", &["level", "phase"], "").unwrap());
    for suffix in ["", ".sigstore.json"] {
        fs::rename(format!("{}{suffix}", newer.display()), folder.join(format!("tide.wasm{suffix}"))).unwrap();
    }
    let from = folder.display().to_string();
    let said = node.run("outdated", &["--from", &from]);
    assert!(said.code == 0 && said.out.contains("tide 1.2.0 -> 1.3.0"), "{}{}", said.out, said.err);
    let said = node.run("update", &["--locked", "--from", &from, "tide"]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(said.out.contains("~ version 1.3.0 instead of 1.2.0") && said.out.contains("+ tool phase"), "{}", said.out);
    assert_eq!(node.run("lock", &["--check"]).code, 0, "nothing has changed");
    // With a host that holds to its lock, and goes on doing so.
    let host = node.site.node().serve_with(|command| {
        command.args(["--locked", "--lock", &node.lock]);
    });
    let host = host.unwrap();
    let said = node.run("update", &["--locked", "--approve", "--from", &from, "tide"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(node.run("outdated", &["--from", &from]).out.trim(), "everything is as new as there");
    assert_eq!(node.add(&node.made("tide", &versioned("tide", "1.4.0", &["level"], "").unwrap()), &[]).code, 3);
    host.stop().unwrap();
    assert_eq!(node.run("lock", &["--check"]).code, 0);
    let lock = fs::read_to_string(&node.lock).unwrap();
    assert!(lock.contains("version = \"1.3.0\"") && lock.contains("name = \"phase\""), "{lock}");
}

#[test]
fn an_audit_finds_what_a_person_should_see() {
    let mut node = Locked::new();
    assert_eq!(node.run("audit", &[]).code, 0);
    node.tide_may("network = [\"api.example.com:443\"]");
    let digest = {
        let shown = node.run("inspect", &["--json", "tide"]);
        serde_json::from_str::<Value>(&shown.out).unwrap()["digest"].as_str().unwrap().to_owned()
    };
    let list = node.site.path("advisories.toml");
    fs::write(&list, format!("version = 1\n[[advisory]]\ndigest = \"{digest}\"\nreason = \"Steals.\"\n")).unwrap();
    let said = node.run("audit", &["--advisories", &list.display().to_string()]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(said.out.contains("tide: bytes: tide 1.2.0 is known to be bad: Steals."), "{}", said.out);
    assert!(said.out.contains("it imports no `wasi:http/outgoing-handler`"), "{}", said.out);
    assert_eq!(node.run("audit", &["--lock-only"]).code, 0, "the lock has the grant of before");
}
