#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{KeylessError, Services};

fn config(authority: &str) -> Value {
    let service = |url: &str, version: u32| json!([{ "url": url, "majorApiVersion": version, "validFor": { "start": "2020-01-01T00:00:00Z" }, "operator": "o" }]);
    json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service(authority, 1),
        "rekorTlogUrls": service("https://rekor.example", 1),
        "rekorTlogConfig": { "selector": "ANY" },
        "tsaUrls": service("https://tsa.example", 1),
        "tsaConfig": { "selector": "ANY" },
    })
}

fn read(value: &Value) -> Result<Services, KeylessError> {
    Services::from_json(value.to_string().as_bytes())
}

#[test]
fn a_token_goes_nowhere_without_tls() {
    for good in ["https://ca.example", "http://127.0.0.1:1234", "http://[::1]:1234/path"] {
        read(&config(good)).unwrap();
    }
    let plain =
        ["http://ca.example", "http://127.0.0.1.example", "http://127.0.0.1:1@ca.example", "ftp://ca.example", "ca"];
    for plain in plain {
        assert!(matches!(read(&config(plain)), Err(KeylessError::Plain(_))), "{plain}");
    }
}

#[test]
fn a_configuration_is_read_strictly_and_wholly() {
    for missing in ["caUrls", "rekorTlogUrls", "tsaUrls"] {
        let mut less = config("https://ca.example");
        less.as_object_mut().unwrap().remove(missing).unwrap();
        assert!(matches!(read(&less), Err(KeylessError::Config(_))), "{missing}");
    }
    let twice = config("https://ca.example").to_string().replacen("\"caUrls\"", "\"caUrls\":[],\"caUrls\"", 1);
    assert!(matches!(Services::from_json(twice.as_bytes()), Err(KeylessError::Config(_))));
}
