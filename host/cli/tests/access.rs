//! Keys of clients, and what the command line says about them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::Node;
use serde_json::{Value, json};

const CLIENTS: &str = "[[client]]\nkey = \"ada\"\ntenant = \"home\"\ntools = [\"*\"]\n\n\
                       [[client]]\nissuer = \"https://login.example.com\"\nclaims = { groups = \"staff\" }\n\
                       tools = [\"a/*\"]\nscopes = [\"read\"]\n";

#[test]
fn a_key_is_shown_once_listed_without_its_secret_and_taken_away() {
    let node = Node::new();
    assert!(node.run(&["access", "list"]).success().out.contains("add-key"));
    let added = node.run(&["access", "add-key", "ada", "--tenant", "home", "--tools", "a/*"]).success();
    let secret = added.out.trim();
    assert!(secret.starts_with("tg_") && secret.len() == 46, "nothing but the key is on standard output: {secret}");
    for line in ["[access]\n  keys = true", "key = \"ada\"", "tenant = \"home\"", "tools = [\"a/*\"]"] {
        assert!(added.err.contains(line), "{line} is not in {}", added.err);
    }
    node.run(&["access", "add-key", "ada"]).failure(2, &["there is a key `ada` already"]);
    node.run(&["access", "add-key", "a/b"]).failure(2, &["no name for a key"]);
    node.run(&["access", "add-key", "x", "--tools", "read"]).failure(2, &["names no component"]);
    let listed = node.run(&["access", "list"]).success();
    assert!(listed.out.contains("no [[client]] of the policy is for `key:ada`"), "{}", listed.out);
    node.write_policy(CLIENTS);
    let listed = node.run(&["access", "list", "--json"]).success();
    assert_eq!(listed.json()["keys"][0]["may"]["tenant"]["name"], "home");
    assert!(!listed.out.contains(secret) && !listed.err.contains(secret));
    node.run(&["access", "remove", "ada"]).success();
    node.run(&["access", "remove", "ada"]).failure(5, &["there is no key `ada`"]);
    let again = node.run(&["access", "add-key", "ada", "--json"]).success().json();
    assert_ne!(again["key"], json!(secret), "a name can be given again, a key cannot");
}

#[test]
fn a_client_is_explained_by_its_lines() {
    let node = Node::new();
    node.write_policy(CLIENTS);
    let explain = |more: &[&str]| node.run(&[&["policy", "explain", "--client"], more].concat());
    let ada = explain(&["key:ada"]).success();
    for text in ["tenant   home", "may use  tools */*", "policy.toml:6"] {
        assert!(ada.out.contains(text), "{text} is not in {}", ada.out);
    }
    let token = "https://login.example.com|bob";
    let without = explain(&[token, "--claim", "groups=staff"]).success();
    assert!(without.out.contains("not yet  tools a/*, once it has the scopes `read`"), "{}", without.out);
    let with = explain(&[token, "--claim", "groups=staff", "--scope", "read", "--json"]).success().json();
    assert_eq!(with["admission"]["uses"][0]["missing"], json!([]));
    assert_eq!(with["refusal"], Value::Null);
    for nobody in [&[token][..], &["key:eve"], &["uid:7"], &["uid:7,gid:8"]] {
        let refused = explain(nobody).failure(3, &[]);
        assert!(refused.out.contains("no [[client]] of the policy"), "{}", refused.out);
    }
    explain(&["ada"]).failure(2, &["is no client"]);
    explain(&["uid:x"]).failure(2, &["no number"]);
    explain(&[token, "--claim", "staff"]).failure(2, &["NAME=TEXT"]);
    node.run(&["policy", "explain"]).failure(2, &["COMPONENT"]);
    let checked = node.run(&["policy", "check"]).success();
    assert!(checked.out.contains("2 clients"), "{}", checked.out);
}
