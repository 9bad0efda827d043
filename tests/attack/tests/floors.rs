//! Older versions with good signatures, and other people's components of the same name: the table's rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidegate_attack::table::{FLOORS, GROUPS, Row};
use tidegate_attack::{Mcp, Said, Site, versioned};

/// A node on which `tide` 1.2.0 served once.
fn node() -> Site {
    let mut site = Site::new().unwrap();
    site.grant("tide", "").unwrap();
    let key = site.shown("others.key");
    site.node().tidegate(&["key", "new", "--out", &key]).unwrap();
    site.policy("[signers.others]\npublic-key-file = \"others.pub\"\n\n").unwrap();
    let path = made(&site, "1.2.0", "tests");
    let said = site.add(&path).unwrap();
    assert_eq!(said.code, 0, "{}", said.err);
    site
}

/// A version of `tide`, signed, apart from what the host loads.
fn made(site: &Site, version: &str, signer: &str) -> PathBuf {
    let folder = site.path("versions");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("tide-{version}-{signer}.wasm"));
    fs::write(&path, versioned("tide", version, &["level"], "").unwrap()).unwrap();
    let key = site.shown(&format!("{signer}.key"));
    site.node().tidegate(&["sign", "--key", &key, &path.display().to_string()]).unwrap();
    path
}

/// The same two files under another name.
fn copied(from: &Path, to: &Path) {
    for suffix in ["", ".sigstore.json"] {
        fs::copy(format!("{}{suffix}", from.display()), format!("{}{suffix}", to.display())).unwrap();
    }
}

/// Why a host that starts does not let `tide` in, as a command would have said it.
fn at_a_start(site: &Site) -> Said {
    let host = site.serve().unwrap();
    let listed = site.tidegate("list", &["--json"]).unwrap();
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let tools = Mcp::new(host.address()).tools().unwrap();
    host.stop().unwrap();
    let reasons = listed["refused"].as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap());
    let err = reasons.collect::<Vec<_>>().join("\n");
    Said { code: if tools.contains(&"level".to_owned()) { 0 } else { 3 }, out: String::new(), err }
}

/// Tries one row on a node of its own.
fn tried(row: &str) -> Said {
    let site = node();
    match row {
        "older" => {
            let host = site.serve().unwrap();
            let said = site.add(&made(&site, "1.1.9", "tests")).unwrap();
            assert_eq!(Mcp::new(host.address()).tools().unwrap(), ["level"], "the newer one serves on");
            host.stop().unwrap();
            said
        }
        "much-older" => site.add(&made(&site, "0.0.1", "tests")).unwrap(),
        "pre-release" => site.add(&made(&site, "1.2.0-rc.9", "tests")).unwrap(),
        "no-host" => site.add(&made(&site, "1.1.0", "tests")).unwrap(),
        "after-removal" => {
            assert_eq!(site.tidegate("remove", &["tide"]).unwrap().code, 0);
            site.add(&made(&site, "1.1.0", "tests")).unwrap()
        }
        "directory" => {
            assert_eq!(site.tidegate("remove", &["tide"]).unwrap().code, 0);
            copied(&made(&site, "1.1.0", "tests"), &site.path("components/tide.wasm"));
            at_a_start(&site)
        }
        "moved-tag" => {
            let newest = site.path("newest.wasm");
            copied(&made(&site, "1.2.0", "tests"), &newest);
            assert_eq!(site.add(&newest).unwrap().code, 0);
            copied(&made(&site, "1.1.0", "tests"), &newest);
            site.add(&newest).unwrap()
        }
        "put-back" => {
            let old = made(&site, "1.1.0", "tests");
            let place = site.path("state/components/tide");
            fs::copy(&old, place.join("component.wasm")).unwrap();
            fs::copy(format!("{}.sigstore.json", old.display()), place.join("signature.sigstore.json")).unwrap();
            let sum = std::process::Command::new("sha256sum").arg(&old).output().unwrap();
            let mut entry: Value =
                serde_json::from_str(&fs::read_to_string(place.join("entry.json")).unwrap()).unwrap();
            entry["reference"] = "tide@1.1.0".into();
            entry["digest"] = format!("sha256:{}", &String::from_utf8(sum.stdout).unwrap()[..64]).into();
            fs::write(place.join("entry.json"), entry.to_string()).unwrap();
            at_a_start(&site)
        }
        "another-signer" => site.add(&made(&site, "2.0.0", "others")).unwrap(),
        "another-source" => {
            copied(&made(&site, "2.0.0", "others"), &site.path("components/tide.wasm"));
            let said = at_a_start(&site);
            // What was installed serves; the other one does not take its place.
            assert_eq!(said.code, 0, "{}", said.err);
            Said { code: 3, ..said }
        }
        "floor-damaged" => {
            fs::write(site.path("state/floors.redb"), b"no floors here".repeat(400)).unwrap();
            site.add(&made(&site, "1.3.0", "tests")).unwrap()
        }
        "rollback-without-a-reason" => {
            let said = site.tidegate("rollback", &["--reason", " ", "tide", "1.1.0"]).unwrap();
            assert_eq!(site.add(&made(&site, "1.1.0", "tests")).unwrap().code, 3, "nothing was lowered");
            said
        }
        other => panic!("`{other}` is not made here"),
    }
}

fn compare(row: &Row, said: &Said) -> Option<String> {
    let all = row.says.iter().all(|part| said.err.contains(part));
    let wrong = said.code != row.code || !all;
    wrong.then(|| format!("{}: exit {} instead of {}, {}{}", row.name, said.code, row.code, said.out, said.err))
}

#[test]
fn nothing_older_comes_back() {
    let rows = GROUPS.iter().filter(|group| group.test == FLOORS).flat_map(|group| group.rows);
    let wrong: Vec<_> = rows.filter_map(|row| compare(row, &tried(row.name))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_person_can_roll_back_and_the_audit_log_says_who_asked_for_what() {
    let site = node();
    let host = site.serve().unwrap();
    let older = made(&site, "1.1.0", "tests");
    assert_eq!(site.add(&older).unwrap().code, 3);
    let said = site.tidegate("rollback", &["--reason", "1.2.0 loses notes", "tide", "1.1.0"]).unwrap();
    assert_eq!(said.code, 0, "{}", said.err);
    let said = site.add(&older).unwrap();
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(site.add(&made(&site, "1.0.9", "tests")).unwrap().code, 3, "the floor is where it was set");
    host.stop().unwrap();
    let log = fs::read_to_string(site.path("state/audit.jsonl")).unwrap();
    let record = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let record = record.into_iter().find(|record| record["event"] == "rolled-back").expect("a record");
    for (key, value) in [("component", "tide"), ("from", "1.2.0"), ("to", "1.1.0"), ("reason", "1.2.0 loses notes")] {
        assert_eq!(record[key], value, "{record}");
    }
    // A name that changed hands, with a word from a person.
    assert_eq!(site.add(&made(&site, "2.0.0", "others")).unwrap().code, 3);
    let hand_over = ["--reason", "sold", "--signer", "others", "tide", "2.0.0"];
    assert_eq!(site.tidegate("rollback", &hand_over).unwrap().code, 0);
    assert_eq!(site.tidegate("rollback", &["--reason", "x", "--signer", "nobody", "tide", "2.0.0"]).unwrap().code, 2);
    assert_eq!(site.tidegate("rollback", &["--reason", "x", "unheard-of", "2.0.0"]).unwrap().code, 5);
}
