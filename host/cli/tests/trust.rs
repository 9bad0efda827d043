//! Keys, signing, verifying.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ADD, Node, mode, set_mode};
use serde_json::json;

const MANIFEST: &str = "name = \"adder\"\nversion = \"2.1.0\"\nkind = \"tool\"\ndescription = \"Adds.\"\n";

#[test]
fn a_key_is_private_has_its_public_half_beside_it_and_is_never_overwritten() {
    let node = Node::new();
    let made = node.run(&["key", "new", "--out", "other.key", "--json"]).success().json();
    assert_eq!(made["algorithm"], "ed25519");
    assert!(made["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
    assert_eq!((made["private-key"].as_str(), made["public-key"].as_str()), (Some("other.key"), Some("other.pub")));
    assert_eq!(mode(&node.path("other.key")), 0o600);
    let before = std::fs::read(node.path("other.key")).unwrap();
    node.run(&["key", "new", "--out", "other.key"]).failure(2, &["exists", "not overwritten", "--out"]);
    // Either half alone is in the way too, and then nothing is left behind.
    std::fs::remove_file(node.path("other.pub")).unwrap();
    node.run(&["key", "new", "--out", "other.key"]).failure(2, &["other.key` exists"]);
    assert_eq!(std::fs::read(node.path("other.key")).unwrap(), before);
    assert!(!node.path("other.pub").exists());
    node.run(&["key", "new", "--out", "x.pub"]).failure(2, &["--out x.key"]);
}

#[test]
fn without_a_name_keys_are_in_the_key_directory() {
    let node = Node::new();
    node.component("a.wasm", ADD, Some(MANIFEST));
    node.run(&["sign", "a.wasm"]).failure(5, &["tidegate key new"]);
    let listed = node.run(&["key", "list"]).success();
    assert!(listed.out.contains("no keys in"), "{}", listed.out);
    let made = node.run(&["key", "new", "--algorithm", "ecdsa-p256", "--json"]).success().json();
    assert_eq!(
        made["private-key"].as_str().unwrap(),
        node.path("home/.config/tidegate/keys/default.key").to_str().unwrap()
    );
    let listed = node.run(&["key", "list", "--json"]).success().json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1, "both halves are one key: {listed}");
    assert_eq!(listed["keys"][0]["algorithm"], "ecdsa-p256");
    let shown = node.run(&["key", "show", "--json"]).success().json();
    assert_eq!(shown["fingerprint"], made["fingerprint"]);
    assert!(shown["pem"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    node.run(&["sign", "a.wasm"]).success();
    node.run(&["verify", "--key", made["public-key"].as_str().unwrap(), "a.wasm"]).success();
    node.run(&["key", "show", "none.key"]).failure(5, &["there is no key `none.key`"]);
    node.run(&["key", "show", "a.wasm"]).failure(2, &["a.wasm"]);
}

#[test]
fn a_signature_says_name_and_version_and_is_verified_by_policy_or_key() {
    let node = Node::new();
    node.component("adder.wasm", ADD, Some(MANIFEST));
    let signed = node.run(&["sign", "--key", "tests.key", "adder.wasm", "--json"]).success().json();
    assert_eq!(signed["signed"][0]["reference"], "adder@2.1.0");
    let verified = node.run(&["verify", "adder.wasm", "--json"]).success().json();
    let entry = &verified["verified"][0];
    assert_eq!(entry["reference"], "adder@2.1.0");
    assert_eq!(entry["signer"]["name"], "tests");
    assert_eq!(entry["digest"], signed["signed"][0]["digest"]);
    let by_key = node.run(&["verify", "--key", "tests.pub", "adder.wasm"]).success();
    assert!(by_key.out.contains("verified adder@2.1.0, signed by tests (SHA256:"), "{}", by_key.out);
    // Again, with another key: the file is replaced.
    node.run(&["key", "new", "--out", "other.key"]).success();
    node.run(&["sign", "--key", "other.key", "adder.wasm"]).success();
    node.run(&["verify", "adder.wasm"]).failure(3, &["signed by nobody that this node trusts"]);
    node.run(&["verify", "--key", "other.pub", "adder.wasm"]).success();
    let others = std::fs::read_dir(node.path(""))
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".new"));
    assert_eq!(others.count(), 0);
}

#[test]
fn what_is_not_what_was_signed_is_refused() {
    let node = Node::new();
    node.signed_adder();
    let mut bytes = std::fs::read(node.path("adder.wasm")).unwrap();
    // An empty custom section called `x`: the component stays valid.
    bytes.extend([0, 2, 1, b'x']);
    std::fs::write(node.path("adder.wasm"), bytes).unwrap();
    node.run(&["verify", "adder.wasm"]).failure(3, &["is not what `tests` signed"]);
    std::fs::remove_file(node.path("adder.wasm.sigstore.json")).unwrap();
    let ended = node.run(&["verify", "adder.wasm", "--json"]).failure(3, &[]);
    assert_eq!(ended.error()["kind"], "refused");
    assert!(ended.error()["message"].as_str().unwrap().contains("has no signature"));
    assert_eq!(ended.error()["causes"], json!([]));
    assert_eq!(ended.json()["verified"], json!([]));
    node.run(&["verify", "nowhere.wasm"]).failure(5, &["there is no `nowhere.wasm`"]);
    std::fs::write(node.path("text.wasm"), "text").unwrap();
    node.run(&["verify", "text.wasm"]).failure(2, &["text.wasm", "because"]);
}

#[test]
fn signing_refuses_what_a_verifier_would_refuse() {
    let node = Node::new();
    node.component("foreign.wasm", ADD, None);
    node.run(&["sign", "--key", "tests.key", "foreign.wasm"]).failure(2, &["no manifest", "--name NAME --version"]);
    node.run(&["sign", "--key", "tests.key", "--name", "a", "foreign.wasm"]).failure(2, &["--version"]);
    node.run(&["sign", "--key", "tests.key", "--name", "Not A Name", "foreign.wasm"]).failure(2, &["Not A Name"]);
    node.component("own.wasm", ADD, Some(MANIFEST));
    node.run(&["sign", "--key", "tests.key", "--name", "other", "own.wasm"]).failure(2, &["adder@2.1.0"]);
    node.run(&["sign", "--key", "tests.pub", "own.wasm"]).failure(2, &["tests.pub"]);
    set_mode(&node.path("tests.key"), 0o644);
    node.run(&["sign", "--key", "tests.key", "own.wasm"]).failure(2, &["chmod 600 tests.key"]);
    assert!(!node.path("own.wasm.sigstore.json").exists());
}
