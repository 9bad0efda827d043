//! The table `[requests]` of a manifest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_grant::{Access, Requests};

const WHOLE: &str = r#"
directories = [{ guest = "/data", access = "read-only", reason = "to read maps" }]
network = [{ connect = "api.example.com:443", reason = "to ask for the weather" }]
environment = [{ name = "TZ", reason = "to know the time zone" }]
kv = [{ namespace = "notes", access = "read-write", reason = "to keep notes" }]
secrets = [{ name = "api-key", reason = "to sign in" }]
system = "to show the load"
gateway = "to serve clients"
"#;

#[test]
fn every_request_is_read() {
    let requests: Requests = toml::from_str(WHOLE).unwrap();
    assert_eq!(requests.kv[0].access, Access::ReadWrite);
    let lines: Vec<_> =
        requests.iter().map(|request| format!("{} {request}: {}", request.key(), request.reason())).collect();
    assert_eq!(
        lines,
        [
            "directories directory /data, read-only: to read maps",
            "network connect to api.example.com:443: to ask for the weather",
            "environment environment variable TZ: to know the time zone",
            "kv kv namespace notes, read-write: to keep notes",
            "secrets secret api-key: to sign in",
            "system state of the node: to show the load",
            "gateway catalog and calls: to serve clients",
        ]
    );
    assert_eq!(toml::from_str::<Requests>(&toml::to_string(&requests).unwrap()).unwrap(), requests);
}

#[test]
fn nothing_is_asked_for_by_default() {
    let requests: Requests = toml::from_str("").unwrap();
    assert!(requests.is_empty());
    assert_eq!(requests, Requests::default());
}

#[test]
fn unknown_keys_and_missing_reasons_are_errors() {
    for text in [
        "netwerk = []",
        "directories = [{ guest = \"/a\", access = \"read-only\" }]",
        "directories = [{ guest = \"/a\", access = \"read\", reason = \"r\" }]",
        "directories = [{ guest = \"/a\", access = \"read-only\", reason = \"r\", host = \"/\" }]",
        "network = [{ connect = \"example.com\", reason = \"r\" }]",
        "network = [{ connect = \"example.com:443\" }]",
        "environment = [\"TZ\"]",
        "environment = [{ name = \"TZ\", reason = \"r\", value = \"UTC\" }]",
        "kv = [{ namespace = \"a\", access = \"read-only\", reason = \"r\", bytes = 1 }]",
        "secrets = [{ name = \"a\", reason = \"r\", file = \"/a\" }]",
        "system = true",
        "gateway = true",
    ] {
        assert!(toml::from_str::<Requests>(text).is_err(), "{text}");
    }
}
