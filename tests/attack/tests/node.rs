//! The node's own files and names: cache, control socket, host key, state directory, tools of the same name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tidegate_attack::{Mcp, Said, Site};

fn entries(site: &Site) -> Vec<PathBuf> {
    fs::read_dir(site.path("state/cache")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The cache entry of a component, found by the digest in its name.
fn entry(site: &Site, component: &str) -> PathBuf {
    let listed = site.tidegate("list", &["--json", "--components", &site.shown("components")]).unwrap();
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let found = listed["components"].as_array().unwrap().iter().find(|one| one["name"] == component);
    let digest = found.unwrap()["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    entries(site).into_iter().find(|path| path.display().to_string().contains(&digest)).unwrap()
}

type Change<'a> = Box<dyn Fn() + 'a>;

#[test]
fn a_changed_or_exchanged_cache_entry_is_compiled_again() {
    let mut site = Site::new().unwrap();
    for guest in ["quick", "counter"] {
        site.guest(guest, "").unwrap();
    }
    site.serve().unwrap().stop().unwrap();
    let quick = entry(&site, "quick");
    let counter = entry(&site, "counter");
    let flip = |place: fn(usize) -> usize| {
        let quick = quick.clone();
        move || {
            let mut bytes = fs::read(&quick).unwrap();
            let at = place(bytes.len());
            bytes[at] ^= 1;
            fs::write(&quick, bytes).unwrap();
        }
    };
    let exchange = || assert!(fs::copy(&counter, &quick).unwrap() > 0);
    let changes: Vec<(&str, Change<'_>)> = vec![
        ("its seal", Box::new(flip(|_| 20))),
        ("its code", Box::new(flip(|length| length / 2))),
        ("its last byte", Box::new(flip(|length| length - 1))),
        ("exchanged", Box::new(exchange)),
    ];
    for (what, change) in changes {
        change();
        let host = site.serve().unwrap();
        let mut client = Mcp::new(host.address());
        assert_eq!(client.say("quick", &json!({})).unwrap(), "5", "{what}");
        assert_eq!(client.say("count", &json!({})).unwrap(), "1", "{what}");
        let log = host.stop().unwrap();
        assert!(log.contains("cache entry not used") && log.contains("changed since"), "{what}: {log}");
        assert!(log.contains("(1 compiled"), "{what}: {log}");
    }
    let log = site.serve().unwrap().stop().unwrap();
    assert!(log.contains("(0 compiled"), "{log}");
}

#[test]
fn tools_of_the_same_name_are_both_usable() {
    let mut site = Site::new().unwrap();
    let first = site.guest("quick", "").unwrap();
    let second = site.path("second.wasm");
    // The same tool from somebody else: it answers 6.
    let text = r#"(component (core module $m (func (export "quick") (result i32) (i32.const 6)))
        (core instance $i (instantiate $m)) (func (export "quick") (result u32) (canon lift (core func $i "quick"))))"#;
    fs::write(&second, wat::parse_str(text).unwrap()).unwrap();
    site.sign(&second, "second").unwrap();
    let (first, moved) = (site.path("first.wasm"), first);
    for suffix in ["", ".sigstore.json"] {
        fs::rename(format!("{}{suffix}", moved.display()), format!("{}{suffix}", first.display())).unwrap();
    }
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    for path in [&first, &second] {
        let said = site.add(path).unwrap();
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let says = |client: &mut Mcp, tool: &str| client.say(tool, &json!({})).unwrap();
    assert_eq!(client.tools().unwrap(), ["quick", "second__quick"]);
    assert_eq!(says(&mut client, "quick"), "5", "a later component does not take over a name");
    assert_eq!(says(&mut client, "second__quick"), "6");
    assert_eq!(says(&mut client, "quick__quick"), "5", "the long form always works");
    assert_eq!(site.tidegate("remove", &["quick"]).unwrap().code, 0);
    assert_eq!(says(&mut client, "second__quick"), "6", "the long form stays");
    assert!(says(&mut client, "quick__quick").contains("unknown tool"));
    assert_eq!(site.add(&first).unwrap().code, 0);
    assert_eq!(says(&mut client, "quick__quick"), "5");
    host.stop().unwrap();
}

#[test]
fn only_the_hosts_user_reaches_its_state() {
    let site = Site::new().unwrap();
    let host = site.serve().unwrap();
    let mode = |name: &str| fs::metadata(site.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("state"), 0o700);
    assert_eq!(mode("state/cache"), 0o700);
    assert_eq!(mode("state/control.sock"), 0o600);
    assert_eq!(mode("state/host.key"), 0o600);
    host.stop().unwrap();

    // Where somebody else made the directory, its files are still for the host's user.
    let mut site = site;
    site.shipped("tool-memory", "kv = [{ namespace = \"notes\", access = \"read-write\" }]").unwrap();
    fs::remove_dir_all(site.path("state")).unwrap();
    fs::create_dir(site.path("state")).unwrap();
    fs::set_permissions(site.path("state"), Permissions::from_mode(0o755)).unwrap();
    let host = site.serve().unwrap();
    for path in files(&site.path("state")) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "`{}` has mode {mode:o}", path.display());
    }

    let second = site.tidegate("run", &["--listen", "127.0.0.1:0"]).unwrap();
    assert_eq!(second.code, 2, "{}", second.err);
    assert!(second.err.contains("another host runs with the state directory"), "{}", second.err);
    assert!(!Mcp::new(host.address()).tools().unwrap().is_empty(), "the first one goes on");
    host.stop().unwrap();

    fs::set_permissions(site.path("state/host.key"), Permissions::from_mode(0o644)).unwrap();
    let exposed = site.tidegate("run", &["--listen", "127.0.0.1:0"]).unwrap();
    assert_ne!(exposed.code, 0);
    assert!(exposed.err.contains("can be read by others") && exposed.err.contains("chmod 600"), "{}", exposed.err);
}

/// What lies in a folder, folders in it aside.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn nothing_else_than_loopback_is_listened_on() {
    let site = Site::new().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.168.1.1:8765", "localhost:8765"] {
        for development in [&["--listen", address][..], &["--listen", address, "--development"]] {
            let said = site.tidegate("run", development).unwrap();
            assert_eq!(said.code, 2, "{address}: {}", said.err);
        }
    }
}

#[test]
fn there_is_no_flag_that_skips_the_signature() {
    let help =
        Said::of(Command::new(tidegate_e2e::host().unwrap()).args(["run", "--help"])).unwrap().out.to_lowercase();
    for word in ["insecure", "no-verify", "skip", "allow-unsigned", "unsafe"] {
        assert!(!help.contains(word), "`{word}` in the help of `run`");
    }
}
