#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_grant::Access;

use crate::{ComponentKind, MAX_MANIFEST_BYTES, Manifest, ManifestError, ManifestProblem, State};

const FULL: &str = r#"
name = "protocol-demo"
version = "0.1.0"
kind = "protocol"
description = "Speaks."
state = "stateful"

[http]
paths = ["/serve"]

[requests]
directories = [{ guest = "/data", access = "read-only", reason = "reads notes" }]
network = [{ connect = "*.example.com:443", reason = "fetches pages" }]
environment = [{ name = "TZ", reason = "local time" }]
kv = [{ namespace = "notes", access = "read-write", reason = "keeps notes" }]
secrets = [{ name = "api-key", reason = "signs in" }]
system = "shows the load"
gateway = "calls tools"
"#;
const SMALL: &str = "name = \"a\"\nversion = \"1.0.0\"\nkind = \"tool\"\n";

fn parse(text: &str) -> Result<Manifest, ManifestError> {
    text.parse()
}

#[test]
fn a_full_manifest() {
    let manifest = parse(FULL).unwrap();
    assert_eq!(manifest.reference().to_string(), "protocol-demo@0.1.0");
    assert_eq!((manifest.kind, manifest.state), (ComponentKind::Protocol, State::Stateful));
    assert_eq!(manifest.http.unwrap().paths, ["/serve"]);
    let requests = manifest.requests;
    assert_eq!((requests.directories[0].guest.as_str(), requests.directories[0].access), ("/data", Access::ReadOnly));
    assert_eq!(requests.network[0].connect.to_string(), "*.example.com:443");
    assert_eq!(requests.environment[0].name, "TZ");
    assert_eq!((requests.kv[0].namespace.as_str(), requests.kv[0].access), ("notes", Access::ReadWrite));
    assert_eq!(requests.secrets[0].reason, "signs in");
    assert_eq!(requests.system.as_deref(), Some("shows the load"));
    assert_eq!(requests.gateway.as_deref(), Some("calls tools"));
}

#[test]
fn a_small_manifest_asks_for_nothing() {
    let manifest = parse(SMALL).unwrap();
    assert!(manifest.requests.is_empty());
    assert_eq!((manifest.state, manifest.http), (State::Stateless, None));
}

#[test]
fn errors_have_a_line_and_a_column() {
    let cases = [
        (format!("{SMALL}colour = 1"), (4, 1), "unknown field"),
        (format!("{SMALL}[http]\nport = 1"), (5, 1), "unknown field"),
        (format!("{SMALL}[requests]\nsystem = true"), (5, 10), "invalid type"),
        (
            format!("{SMALL}[requests]\nkv = [{{ namespace = \"a\", access = \"all\", reason = \"r\" }}]"),
            (5, 35),
            "read-only",
        ),
        (format!("{SMALL}[requests]\nkv = [{{ namespace = \"a\", access = \"read-only\" }}]"), (5, 7), "reason"),
        (format!("{SMALL}[requests]\nnetwork = [{{ connect = \"example.com\", reason = \"r\" }}]"), (5, 24), "no port"),
        (SMALL.replace("\"a\"", "\"A\""), (1, 8), "component name"),
        (SMALL.replace("1.0.0", "one"), (2, 11), "not a version"),
        (SMALL.replace("tool", "plugin"), (3, 8), "unknown variant"),
        (format!("{SMALL}name = \"b\""), (4, 1), "duplicate key"),
        ("é = 1".to_owned(), (1, 1), "key"),
        (String::new(), (1, 1), "name"),
    ];
    for (text, at, says) in cases {
        match parse(&text) {
            Err(ManifestError::Syntax { line, column, message }) => {
                assert!(message.contains(says), "{message}");
                assert_eq!((line, column), at, "{text}: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let request = |line: &str| format!("{SMALL}[requests]\n{line}");
    let directory = |guest: &str| {
        request(&format!("directories = [{{guest = {guest:?}, access = \"read-only\", reason = \"r\"}}]"))
    };
    let secret = "{ name = \"a\", reason = \"r\" }";
    let http = |paths: &str| format!("{}[http]\npaths = {paths}", SMALL.replace("tool", "protocol"));
    let cases = [
        (format!("{SMALL}description = \"\\u001b[2J\""), "description"),
        (format!("{SMALL}description = \"\\u202egnp.exe\""), "description"),
        (format!("{SMALL}description = \"{}\"", "x".repeat(1_001)), "description"),
        (format!("{SMALL}[http]\npaths = [\"/serve\"]"), "http"),
        (http("[]"), "http.paths"),
        (http("[\"serve\"]"), "http.paths"),
        (http("[\"/a/../b\"]"), "http.paths"),
        (http("[\"/a?b\"]"), "http.paths"),
        (http("[\"/a\", \"/a\"]"), "http.paths"),
        (directory("data"), "requests.directories"),
        (directory("/data/../etc"), "requests.directories"),
        (directory("/data//x"), "requests.directories"),
        (request("system = \" \""), "requests.system"),
        (request("gateway = \"a\\nb\""), "requests.gateway"),
        (request("secrets = [{ name = \"a\", reason = \"\" }]"), "requests.secrets"),
        (request("secrets = [{ name = \"a b\", reason = \"r\" }]"), "requests.secrets"),
        (request("environment = [{ name = \"\", reason = \"r\" }]"), "requests.environment"),
        (request(&format!("secrets = [{secret}, {secret}]")), "requests.secrets"),
    ];
    for (text, key) in cases {
        match parse(&text) {
            Err(ManifestError::Value { key: found, .. }) => assert_eq!(found, key, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    for good in [directory("/"), directory("/data/notes"), http("[\"/\", \"/serve\"]")] {
        parse(&good).unwrap();
    }
}

#[test]
fn long_lists_are_refused() {
    let list = |count: usize| {
        let entries: Vec<_> = (0..count).map(|i| format!("{{ name = \"s{i}\", reason = \"r\" }}")).collect();
        parse(&format!("{SMALL}[requests]\nsecrets = [{}]", entries.join(", ")))
    };
    assert!(list(64).is_ok());
    assert!(matches!(list(65), Err(ManifestError::Value { problem: ManifestProblem::Count(0, 64), .. })));
}

#[test]
fn messages_cannot_deceive_a_terminal() {
    let error = parse(&format!("{SMALL}\"\\u001b[2J\" = 1")).unwrap_err().to_string();
    assert!(!error.contains('\x1b'), "{error:?}");
}

#[test]
fn too_long_a_manifest_is_refused() {
    let comment = "#".repeat(MAX_MANIFEST_BYTES - SMALL.len());
    assert!(parse(&format!("{SMALL}{comment}")).is_ok());
    assert_eq!(parse(&format!("{SMALL}{comment}#")), Err(ManifestError::TooBig(MAX_MANIFEST_BYTES + 1)));
}
