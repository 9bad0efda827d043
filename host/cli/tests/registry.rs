//! A registry, and everything one does with it: publishing, searching, adding, mirroring, killing it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::io::Write as _;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use common::registry::{MANIFEST, Registry, log_in, write_credentials};
use common::{ADD, Ended, Node, set_mode};

fn publish(node: &Node, registry: &Registry, file: &str) -> Ended {
    let to = format!("oci://{}/acme/adder", registry.host);
    node.run(&["publish", "--key", "tests.key", file, &to, "--json"])
}

#[test]
fn what_is_published_is_found_added_and_runs() {
    let node = Node::new();
    let registry = Registry::start(&node);
    node.component("adder.wasm", ADD, Some(MANIFEST));
    publish(&node, &registry, "adder.wasm").failure(2, &["wants other credentials"]);
    log_in(&node, &registry, "acme/*", "push");
    let published = publish(&node, &registry, "adder.wasm").success().json();
    assert_eq!(published["reference"], "adder@1.0.0");
    let again = publish(&node, &registry, "adder.wasm").success().json();
    assert_eq!(again["digest"], published["digest"], "the same component is the same release");
    let place = format!("oci://{}", registry.host);
    let found = node.run(&["search", "numbers", "--in", &place, "--json"]).success().json();
    let reference = found["found"][0]["reference"].as_str().unwrap().to_owned();
    assert_eq!(reference, format!("{place}/acme/adder:1.0.0"));
    assert_eq!(found["found"][0]["digest"], published["digest"]);
    node.run(&["search", "nothing-like-it", "--in", &place]).failure(5, &[]);
    let added = node.run(&["add", &reference, "--json"]).success().json();
    assert_eq!(added["added"][0]["name"], "adder");
    let called = node.run(&["call", "add", "a=2", "b=40"]).success();
    assert!(called.out.contains("42"), "{}", called.out);
    // By its digest too; nothing is left of what was fetched on the way.
    let pinned = format!("{place}/acme/adder@{}", published["digest"].as_str().unwrap());
    node.run(&["add", &pinned]).success();
    let left = std::fs::read_dir(node.path("state")).unwrap().flatten();
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with("incoming")).count(), 0);
    // A release does not move.
    node.component("other.wasm", &ADD.replace("i32.add", "i32.sub"), Some(MANIFEST));
    publish(&node, &registry, "other.wasm").failure(3, &["a released version does not move"]);
}

#[test]
fn who_signed_counts_and_not_who_serves() {
    let node = Node::new();
    let registry = Registry::start(&node);
    node.component("adder.wasm", ADD, Some(MANIFEST));
    log_in(&node, &registry, "*", "push");
    node.run(&["key", "new", "--out", "other.key"]).success();
    let to = format!("oci://{}/acme/adder", registry.host);
    node.run(&["publish", "--key", "other.key", "adder.wasm", &to]).success();
    node.run(&["add", &format!("{to}:1.0.0")]).failure(3, &["signed by nobody that this node trusts"]);
    // A second signature, by somebody who is believed, is found beside the first.
    publish(&node, &registry, "adder.wasm").success();
    node.run(&["add", &format!("{to}:1.0.0")]).success();
    // The same component under another name is not what was asked for.
    let elsewhere = format!("oci://{}/acme/calculator", registry.host);
    node.run(&["publish", "--key", "tests.key", "adder.wasm", &elsewhere]).success();
    node.run(&["add", &format!("{elsewhere}:1.0.0")]).failure(3, &["holds `adder@1.0.0`", "--name adder"]);
    node.run(&["add", "--name", "adder", &format!("{elsewhere}:1.0.0")]).success();
    node.run(&["publish", "--key", "tests.key", "adder.wasm", &format!("{to}:2.0.0")]).failure(2, &["version `1.0.0`"]);
    node.run(&["add", &format!("{to}:9.9.9")]).failure(5, &["no tag `9.9.9`"]);
}

#[test]
fn newer_versions_are_found_in_a_registry_and_only_those_that_are_believed() {
    let node = Node::new();
    let registry = Registry::start(&node);
    log_in(&node, &registry, "*", "push");
    node.run(&["key", "new", "--out", "other.key"]).success();
    let namespace = format!("oci://{}/acme", registry.host);
    let version = |version: &str, key: &str| {
        node.component("adder.wasm", ADD, Some(&MANIFEST.replace("1.0.0", version)));
        node.run(&["publish", "--key", key, "adder.wasm", &format!("{namespace}/adder")]).success();
    };
    version("1.0.0", "tests.key");
    node.run(&["add", &format!("{namespace}/adder:1.0.0")]).success();
    let same = node.run(&["outdated", "--from", &namespace]).success();
    assert!(same.out.contains("as new as there"), "{}", same.out);
    version("1.1.0", "tests.key");
    version("1.2.0", "other.key");
    let outdated = node.run(&["outdated", "--from", &namespace, "--json"]).success();
    assert!(outdated.err.contains("passed over:") && outdated.err.contains("adder@1.2.0"), "{}", outdated.err);
    let found = outdated.json();
    assert_eq!(
        (&found["outdated"][0]["from"], &found["outdated"][0]["to"]),
        (&"1.0.0".into(), &"1.1.0".into()),
        "{found}"
    );
    node.run(&["update", "--from", &namespace, "--approve"]).success();
    assert_eq!(node.run(&["list", "--json"]).success().json()["components"][0]["version"], "1.1.0");
    // Nothing there is no error, and what is no namespace is one.
    let none = node.run(&["outdated", "--from", &format!("oci://{}/nobody", registry.host)]).success();
    assert!(none.out.contains("as new as there"), "{}", none.out);
    node.run(&["outdated", "--from", "oci://x/Acme"]).failure(2, &["oci://HOST/NAMESPACE"]);
}

#[test]
fn yanking_hides_a_version_and_says_so() {
    let node = Node::new();
    let registry = Registry::start(&node);
    node.component("adder.wasm", ADD, Some(MANIFEST));
    log_in(&node, &registry, "*", "push");
    let digest = publish(&node, &registry, "adder.wasm").success().json()["digest"].as_str().unwrap().to_owned();
    node.run(&["registry", "yank", "acme/adder:1.0.0", "--reason", "adds wrongly"]).success();
    let to = format!("oci://{}/acme/adder", registry.host);
    node.run(&["add", &format!("{to}:1.0.0")]).failure(5, &["was yanked (adds wrongly)", &digest]);
    node.run(&["search", "--in", &format!("oci://{}", registry.host)]).failure(5, &[]);
    node.run(&["add", &format!("{to}@{digest}")]).success();
    node.run(&["registry", "yank", "--undo", "acme/adder:1.0.0"]).success();
    node.run(&["add", &format!("{to}:1.0.0")]).success();
    node.run(&["registry", "yank", "acme/adder:3.0.0"]).failure(5, &["no tag `3.0.0`"]);
    let collected = node.run(&["registry", "gc", "--grace", "0", "--json"]).success().json();
    assert_eq!(collected["collected"]["files"], 0, "everything is named by a manifest: {collected}");
}

#[test]
fn a_mirror_serves_without_a_network_in_both_directions() {
    let node = Node::new();
    let registry = Registry::start(&node);
    node.component("adder.wasm", ADD, Some(MANIFEST));
    log_in(&node, &registry, "*", "push");
    publish(&node, &registry, "adder.wasm").success();
    let reference = format!("oci://{}/acme/adder:1.0.0", registry.host);
    let fetched = node.run(&["mirror", "fetch", &reference, "--to", "stick", "--json"]).success().json();
    assert_eq!(fetched["components"][0]["attached"], 1, "{fetched}");
    let host = registry.host.clone();
    drop(registry);
    let found = node.run(&["search", "adder", "--in", "stick", "--json"]).success().json();
    assert!(found["found"][0]["signer"].as_str().unwrap().starts_with("tests (SHA256:"), "{found}");
    node.run(&["add", "--mirror", "stick", "acme/adder:1.0.0"]).success();
    node.run(&["add", "--mirror", "stick", "acme/adder:2.0.0"]).failure(5, &["has no `acme/adder:2.0.0`"]);
    // To another registry, and from there to another node.
    let other = Node::new();
    let registry = Registry::start(&other);
    assert_ne!(registry.host, host);
    let token = log_in(&other, &registry, "*", "push");
    write_credentials(&node, &registry.host, &token);
    node.run(&["mirror", "send", "stick", &format!("oci://{}/copied", registry.host)]).success();
    node.run(&["add", &format!("oci://{}/copied/acme/adder:1.0.0", registry.host)]).success();
    // Whoever changes a file on the stick is noticed.
    for entry in std::fs::read_dir(node.path("stick/blobs/sha256")).unwrap().flatten() {
        let mut bytes = std::fs::read(entry.path()).unwrap();
        if bytes.starts_with(b"\0asm") {
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(entry.path(), bytes).unwrap();
        }
    }
    node.run(&["add", "--mirror", "stick", "acme/adder:1.0.0"]).failure(3, &["damaged or was changed"]);
}

#[test]
fn secrets_are_not_on_the_command_line_and_not_open_to_others() {
    let node = Node::new();
    let registry = Registry::start(&node);
    node.component("adder.wasm", ADD, Some(MANIFEST));
    let token = log_in(&node, &registry, "*", "push");
    let file = node.path("home/.config/tidegate/registries.json");
    set_mode(&file, 0o644);
    publish(&node, &registry, "adder.wasm").failure(2, &["can be read by others", "chmod 600"]);
    std::fs::remove_file(&file).unwrap();
    let to = format!("oci://{}/acme/adder", registry.host);
    let mut command = node.command(&["publish", "--key", "tests.key", "adder.wasm", &to, "--password-stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{token}").unwrap();
    assert!(child.wait().unwrap().success());
    let listed = node.run(&["registry", "token", "list"]).success();
    assert!(listed.out.contains("push on *") && !listed.out.contains(&token[8..]), "{}", listed.out);
    node.run(&["registry", "token", "remove", "none"]).failure(5, &["no token `none`"]);
    node.run(&["registry", "serve", "--listen", "0.0.0.0:0", "--data", "elsewhere"]).failure(1, &["no certificate"]);
}

/// Numbers that differ from run to run of the loop, the same for every run of the test.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[test]
fn every_acknowledged_push_survives_kill_at_any_moment() {
    let node = Node::new();
    let mut registry = Registry::start(&node);
    let token = log_in(&node, &registry, "*", "push");
    let mut seed = 7;
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    for round in 0..10_u64 {
        // Somebody publishes version after version until the registry is gone.
        let (stop, stopped) = channel::<()>();
        let (host, folder) = (registry.host.clone(), node.path(""));
        let publisher = std::thread::spawn({
            let node_path = folder.clone();
            move || {
                let mut done = Vec::new();
                for patch in 0..200_u64 {
                    if stopped.try_recv().is_ok() {
                        break;
                    }
                    let version = format!("{round}.0.{patch}");
                    let file = node_path.join(format!("a{round}-{patch}.wasm"));
                    let manifest = MANIFEST.replace("1.0.0", &version);
                    let bytes = tidegate::bundle::embed_manifest(&wat::parse_str(ADD).unwrap(), &manifest).unwrap();
                    std::fs::write(&file, bytes).unwrap();
                    let to = format!("oci://{host}/acme/adder");
                    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tidegate"))
                        .args(["publish", "--key", "tests.key", file.to_str().unwrap(), &to, "--json"])
                        .current_dir(&node_path)
                        .env_clear()
                        .env("HOME", node_path.join("home"))
                        .env("TIDEGATE_STATE", node_path.join("state"))
                        .output()
                        .unwrap();
                    if !output.status.success() {
                        break;
                    }
                    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                    done.push((version, said["digest"].as_str().unwrap().to_owned()));
                }
                done
            }
        });
        std::thread::sleep(Duration::from_millis(30 + next(&mut seed) % 400));
        registry.kill();
        let _ = stop.send(());
        acknowledged.extend(publisher.join().unwrap());
        registry = Registry::at(&node, &registry.host);
        write_credentials(&node, &registry.host, &token);
    }
    assert!(!acknowledged.is_empty(), "nothing was ever published: the test tests nothing");
    for (version, digest) in &acknowledged {
        let reference = format!("oci://{}/acme/adder:{version}", registry.host);
        let fetched = node.run(&["mirror", "fetch", &reference, "--to", "all", "--json"]).success().json();
        assert_eq!(fetched["components"][0]["digest"], digest.as_str());
        assert!(fetched["components"][0]["attached"].as_u64().unwrap() >= 1, "{fetched}");
    }
    // What was cut off can be done again, and what is left over goes.
    node.run(&["registry", "gc", "--grace", "0"]).success();
    let (version, digest) = acknowledged.first().unwrap();
    let reference = format!("oci://{}/acme/adder:{version}", registry.host);
    let fetched = node.run(&["mirror", "fetch", &reference, "--to", "again", "--json"]).success().json();
    assert_eq!(fetched["components"][0]["digest"], digest.as_str());
}
