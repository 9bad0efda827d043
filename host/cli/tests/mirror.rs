//! Mirrors behind any web server, and what is believed of an index.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use common::registry::{MANIFEST, Registry, WebServer, log_in};
use common::{ADD, Ended, Node, mode};

/// A publisher with a registry, which keeps a mirror in `web/edge`.
struct Publisher {
    node: Node,
    registry: Registry,
}

impl Publisher {
    fn new() -> Self {
        let node = Node::new();
        let registry = Registry::start(&node);
        log_in(&node, &registry, "*", "push");
        node.run(&["key", "new", "--out", "index.key"]).success();
        fs::create_dir(node.path("web")).unwrap();
        Self { node, registry }
    }

    /// Publishes a version and copies it into the mirror; `more` are options of `mirror fetch`.
    fn release(&self, version: &str, more: &[&str]) -> String {
        let manifest = MANIFEST.replace("1.0.0", version);
        self.node.component("adder.wasm", ADD, Some(&manifest));
        let to = format!("oci://{}/acme/adder", self.registry.host);
        let published = self.node.run(&["publish", "--key", "tests.key", "adder.wasm", &to, "--json"]).success();
        let reference = format!("{to}:{version}");
        let mut arguments = vec!["mirror", "fetch", &reference, "--to", "web/edge"];
        arguments.extend_from_slice(more);
        self.node.run(&arguments).success();
        published.json()["digest"].as_str().unwrap().to_owned()
    }

    /// Another node that believes the publisher's key.
    fn reader(&self) -> Node {
        let reader = Node::new();
        fs::copy(self.node.path("tests.pub"), reader.path("tests.pub")).unwrap();
        fs::copy(self.node.path("index.pub"), reader.path("index.pub")).unwrap();
        reader
    }
}

fn add(node: &Node, place: &str, what: &str) -> Ended {
    node.run(&["add", "--mirror", place, what])
}

/// Names the key that the index of `place` must be signed with.
fn must_be_signed(node: &Node, place: &str) {
    let folder = node.path("home/.config/tidegate");
    fs::create_dir_all(&folder).unwrap();
    let key = node.path("index.pub");
    let text = format!("[[source]]\nplace = \"{place}\"\nindex-key = \"{}\"\n", key.display());
    fs::write(folder.join("tidegate.toml"), text).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn any_web_server_serves_a_mirror() {
    let publisher = Publisher::new();
    let first = publisher.release("1.0.0", &[]);
    let server = WebServer::of(&publisher.node.path("web"));
    let place = format!("{}/edge", server.address);
    let reader = publisher.reader();
    fs::create_dir_all(reader.path("home/.config/tidegate")).unwrap();
    let found = reader.run(&["search", "numbers", "--in", &place, "--json"]).success().json();
    assert_eq!(found["found"][0]["reference"], "acme/adder:1.0.0", "{found}");
    assert_eq!(found["found"][0]["digest"], first.as_str());
    let shown = reader.run(&["search", "--in", &format!("{place}/")]).success();
    assert!(shown.out.contains(&format!("tidegate add --mirror {place} NAME:VERSION")), "{}", shown.out);
    add(&reader, &place, "acme/adder:1.0.0").success();
    assert!(reader.run(&["call", "add", "a=2", "b=40"]).success().out.contains("42"));
    // By digest, which needs no index to say what it is.
    add(&reader, &place, &format!("acme/adder@{first}")).success();
    add(&reader, &place, "acme/adder:3.0.0").failure(5, &["has no `acme/adder:3.0.0`"]);
    add(&reader, &format!("{}/nothing", server.address), "acme/adder:1.0.0").failure(5, &["tidegate-index.json"]);
    add(&reader, "http://203.0.113.9/edge", "acme/adder:1.0.0").failure(2, &["plain HTTP to it is not permitted"]);
    add(&reader, &format!("{place}?x"), "acme/adder:1.0.0").failure(2, &["is not the address of a mirror"]);
    // Every file is readable for whoever serves it.
    let blobs = fs::read_dir(publisher.node.path("web/edge/blobs/sha256")).unwrap().flatten();
    assert!(blobs.into_iter().all(|entry| mode(&entry.path()) == 0o644));
    reader.run(&["search", "adder", "--in", "127.0.0.1:1"]).failure(5, &["a registry is written `oci://HOST`"]);
    // Newer versions. Where nothing is, nothing is newer or as old: that is no answer.
    reader.run(&["outdated", "--from", "nowhere"]).failure(5, &["there is no folder `", "oci://HOST/NAMESPACE"]);
    reader.run(&["outdated", "--from", &place]).success();
    publisher.release("1.1.0", &[]);
    let outdated = reader.run(&["outdated", "--from", &place, "--json"]).success().json();
    assert_eq!(outdated["outdated"][0]["to"], "1.1.0", "{outdated}");
    reader.run(&["lock"]).success();
    reader.run(&["update", "--from", &place, "--approve"]).success();
    assert_eq!(reader.run(&["list", "--json"]).success().json()["components"][0]["version"], "1.1.0");
    reader.run(&["lock", "--check"]).success();
    // The same folder, without a server; both versions know who signed them.
    let folder = publisher.node.path("web/edge");
    let folder = folder.to_str().unwrap();
    let other = publisher.reader();
    add(&other, folder, "acme/adder:1.0.0").success();
    other.run(&["update", "--from", folder, "--approve"]).success();
    let index = fs::read_to_string(publisher.node.path("web/edge/tidegate-index.json")).unwrap();
    assert_eq!(index.matches("\"signer\": \"tests (SHA256:").count(), 2, "{index}");
}

#[test]
fn what_a_web_server_has_is_checked_as_everything_is() {
    let publisher = Publisher::new();
    let digest = publisher.release("1.0.0", &[]);
    let server = WebServer::of(&publisher.node.path("web"));
    let place = format!("{}/edge", server.address);
    let blobs = publisher.node.path("web/edge/blobs/sha256");
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        for entry in fs::read_dir(&blobs).unwrap().flatten() {
            let before = fs::read(entry.path()).unwrap();
            if before.starts_with(b"\0asm") {
                let mut bytes = before.clone();
                change(&mut bytes);
                fs::write(entry.path(), &bytes).unwrap();
                let said = add(&publisher.reader(), &place, "acme/adder:1.0.0");
                fs::write(entry.path(), before).unwrap();
                return said;
            }
        }
        panic!("there is no component")
    };
    with(&|bytes| *bytes.last_mut().unwrap() ^= 1).failure(3, &["sent other bytes for `sha256:"]);
    with(&|bytes| bytes.push(0)).failure(3, &["but the registry sends"]);
    with(&|bytes| bytes.truncate(50)).failure(3, &["but the registry sends 50"]);
    with(&|bytes| bytes.resize(300 << 20, 0)).failure(3, &["but the registry sends"]);
    with(&|_| {}).success();
    // The manifest is another one, or none.
    let manifest = blobs.join(digest.trim_start_matches("sha256:"));
    let before = fs::read(&manifest).unwrap();
    fs::write(&manifest, String::from_utf8(before).unwrap().replace("adder", "other")).unwrap();
    add(&publisher.reader(), &place, "acme/adder:1.0.0").failure(3, &["sent other bytes for", &digest]);
    fs::remove_file(&manifest).unwrap();
    add(&publisher.reader(), &place, "acme/adder:1.0.0").failure(5, &["the copy there is not whole"]);
}

#[test]
fn an_index_that_must_be_signed_counts_with_its_key_only() {
    let publisher = Publisher::new();
    publisher.release("1.0.0", &["--index-key", "index.key"]);
    let server = WebServer::of(&publisher.node.path("web"));
    let place = format!("{}/edge", server.address);
    let reader = publisher.reader();
    must_be_signed(&reader, &format!("{place}/"));
    add(&reader, &place, "acme/adder:1.0.0").success();
    reader.run(&["search", "--in", &place]).success();
    // Who forgets the key is told, and nothing becomes unsigned by accident.
    publisher.node.run(&["mirror", "index", "web/edge"]).failure(2, &["is signed", "--index-key"]);
    publisher.release("1.1.0", &["--index-key", "index.key"]);
    reader.run(&["update", "--from", &place, "--approve"]).success();
    let signatures = || {
        let files = fs::read_dir(publisher.node.path("web/edge")).unwrap().flatten();
        files.filter(|entry| entry.file_name().to_string_lossy().ends_with(".sigstore.json")).count()
    };
    publisher.node.run(&["mirror", "index", "web/edge", "--index-key", "index.key", "--days", "7"]).success();
    publisher.node.run(&["mirror", "index", "web/edge", "--index-key", "index.key", "--days", "8"]).success();
    assert_eq!(signatures(), 2, "the one before stays for who reads just now, others go");
    reader.run(&["search", "--in", &place]).success();
}

#[test]
fn a_registry_signs_its_index_and_where_that_is_wanted_it_says_what_a_version_is() {
    let node = Node::new();
    node.run(&["key", "new", "--out", "index.key"]).success();
    let registry = Registry::with(&node, &["--listen", "127.0.0.1:0", "--index-key", "index.key"]);
    log_in(&node, &registry, "*", "push");
    let place = format!("oci://{}", registry.host);
    must_be_signed(&node, &place);
    log_in(&node, &registry, "*", "push");
    for version in ["1.0.0", "1.1.0"] {
        node.component("adder.wasm", ADD, Some(&MANIFEST.replace("1.0.0", version)));
        node.run(&["publish", "--key", "tests.key", "adder.wasm", &format!("{place}/acme/adder")]).success();
    }
    node.run(&["search", "adder", "--in", &place]).success();
    node.run(&["add", &format!("{place}/acme/adder:1.0.0")]).success();
    let outdated = node.run(&["outdated", "--from", &format!("{place}/acme"), "--json"]).success().json();
    assert_eq!(outdated["outdated"][0]["to"], "1.1.0", "{outdated}");
    node.run(&["add", &format!("{place}/acme/adder:1.2.0")]).failure(5, &["the index of", "has no `acme/adder:1.2.0`"]);
    node.run(&["mirror", "fetch", &format!("{place}/acme/adder:1.1.0"), "--to", "stick"]).success();
    // One that does not sign, at the same address.
    let host = registry.host.clone();
    drop(registry);
    let unsigned = Registry::at(&node, &host);
    for command in [
        vec!["search".to_owned(), "--in".to_owned(), place.clone()],
        vec!["add".to_owned(), format!("{place}/acme/adder:1.1.0")],
        vec!["outdated".to_owned(), "--from".to_owned(), format!("{place}/acme")],
    ] {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        node.run(&arguments).failure(3, &["is not signed", "index.pub"]);
    }
    drop(unsigned);
}

#[test]
fn a_person_can_go_back_to_an_older_index() {
    let publisher = Publisher::new();
    publisher.release("1.0.0", &[]);
    let (stick, older) = (publisher.node.path("web/edge"), publisher.node.path("older"));
    copy(&stick, &older);
    let reader = publisher.reader();
    let place = stick.to_str().unwrap();
    // The index of a later second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    publisher.node.run(&["mirror", "index", "web/edge"]).success();
    reader.run(&["mirror", "forget", place]).failure(5, &["no index of"]);
    reader.run(&["search", "--in", place]).success();
    copy(&older, &stick);
    reader.run(&["search", "--in", place]).failure(3, &["older than one that this node has used", "mirror forget"]);
    reader.run(&["mirror", "forget", place]).success();
    reader.run(&["search", "--in", place]).success();
}

#[test]
fn an_update_comes_from_whoever_signed_what_is_installed() {
    let publisher = Publisher::new();
    publisher.release("1.0.0", &[]);
    let server = WebServer::of(&publisher.node.path("web"));
    let place = format!("{}/edge", server.address);
    let reader = publisher.reader();
    publisher.node.run(&["key", "new", "--out", "others.key"]).success();
    fs::copy(publisher.node.path("others.pub"), reader.path("others.pub")).unwrap();
    reader.write_policy("[signers.others]\npublic-key-file = \"others.pub\"\n");
    add(&reader, &place, "acme/adder:1.0.0").success();
    publisher.release("1.1.0", &[]);
    // Somebody else, believed too, has a component of that name.
    publisher.node.component("other.wasm", ADD, Some(&MANIFEST.replace("1.0.0", "9.0.0")));
    let to = format!("oci://{}/others/adder", publisher.registry.host);
    publisher.node.run(&["publish", "--key", "others.key", "other.wasm", &to]).success();
    publisher.node.run(&["mirror", "fetch", &format!("{to}:9.0.0"), "--to", "web/edge"]).success();
    let outdated = reader.run(&["outdated", "--from", &place, "--json"]).success();
    assert!(outdated.err.contains("adder@9.0.0") && outdated.err.contains("signed by others"), "{}", outdated.err);
    assert_eq!(outdated.json()["outdated"][0]["to"], "1.1.0", "{outdated:?}");
    reader.run(&["update", "--from", &place, "--approve"]).success();
    assert_eq!(reader.run(&["list", "--json"]).success().json()["components"][0]["version"], "1.1.0");
}
