//! Components that nobody should run: each is refused with a reason and an exit code, and the others serve.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidegate_attack::{Mcp, Site, build, nested, resident};

const MIB: u64 = 1 << 20;
const REFUSED: i32 = 3;
const USAGE: i32 = 2;

/// A forgery: its name, how it is made in a folder out of a good component and its signature, exit code of
/// `tidegate add`, and what must be said.
struct Forgery {
    name: &'static str,
    make: fn(&mut Parts<'_>),
    code: i32,
    says: &'static [&'static str],
}

/// A component's two files, to be changed.
struct Parts<'a> {
    component: Vec<u8>,
    signature: Option<String>,
    site: &'a Site,
    path: PathBuf,
}

impl Parts<'_> {
    fn json(&mut self, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_str(self.signature.as_deref().unwrap()).unwrap();
        change(&mut value);
        self.signature = Some(value.to_string());
    }

    /// Replaces what `from` (of `sed`) fits in the base64 of the signed payload.
    fn payload(&mut self, from: &str, to: &str) {
        let out = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$1\" | base64 -d | sed \"s/$2/$3/\" | base64 -w0", "sh"])
            .args([self.envelope("payload").as_str(), from, to])
            .output()
            .unwrap();
        let changed = String::from_utf8(out.stdout).unwrap();
        assert_ne!(changed, self.envelope("payload"), "nothing was changed");
        self.json(|value| value["dsseEnvelope"]["payload"] = changed.into());
    }

    fn envelope(&self, key: &str) -> String {
        let value: Value = serde_json::from_str(self.signature.as_deref().unwrap()).unwrap();
        value["dsseEnvelope"][key].as_str().unwrap().to_owned()
    }
}

/// Another key's signature over the same bytes.
fn other_key(parts: &mut Parts<'_>) {
    let key = parts.site.shown("other.key");
    if !Path::new(&key).exists() {
        parts.site.node().tidegate(&["key", "new", "--out", &key]).unwrap();
    }
    fs::write(&parts.path, &parts.component).unwrap();
    parts.site.node().tidegate(&["sign", "--key", &key, &parts.path.display().to_string()]).unwrap();
    parts.signature = Some(fs::read_to_string(signature_of(&parts.path)).unwrap());
}

const FORGERIES: &[Forgery] = &[
    Forgery {
        name: "unsigned",
        make: |parts| parts.signature = None,
        code: REFUSED,
        says: &["has no signature", "tidegate sign"],
    },
    Forgery { name: "unknown-key", make: other_key, code: REFUSED, says: &["signed by nobody that this node trusts"] },
    Forgery {
        name: "tampered-byte",
        // The last byte is in the manifest's text: still a component, and still a manifest.
        make: |parts| *parts.component.last_mut().unwrap() = b' ',
        code: REFUSED,
        says: &["is not what `tests` signed", "changed or exchanged after signing"],
    },
    Forgery {
        name: "appended-section",
        make: |parts| parts.component.extend([0, 5, 4, b'e', b'v', b'i', b'l']),
        code: REFUSED,
        says: &["is not what `tests` signed"],
    },
    Forgery {
        name: "truncated",
        make: |parts| parts.component.truncate(parts.component.len() / 2),
        code: USAGE,
        says: &["damaged or cut short"],
    },
    Forgery { name: "empty", make: |parts| parts.component.clear(), code: USAGE, says: &["the file is empty"] },
    Forgery {
        name: "other-digest-in-the-statement",
        make: |parts| parts.payload("\"sha256\":\"[0-9a-f]\\{16\\}", "\"sha256\":\"0123456789abcdef"),
        code: REFUSED,
        says: &["was not made with it over this statement"],
    },
    Forgery {
        name: "changed-signature",
        make: |parts| {
            parts.json(|value| {
                let sig = value["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
                let (first, rest) = sig.split_at(1);
                let flipped = format!("{}{rest}", if first == "A" { "B" } else { "A" });
                value["dsseEnvelope"]["signatures"][0]["sig"] = flipped.into();
            });
        },
        code: REFUSED,
        says: &["was not made with it over this statement"],
    },
    Forgery {
        name: "signature-cut-short",
        make: |parts| {
            let text = parts.signature.take().unwrap();
            parts.signature = Some(text[..text.len() / 2].to_owned());
        },
        code: REFUSED,
        says: &["is not taken", "not a Sigstore bundle"],
    },
    Forgery {
        name: "duplicate-key-in-the-signature",
        make: |parts| {
            let text = parts.signature.take().unwrap();
            parts.signature = Some(text.replacen('{', "{\"mediaType\":\"x\",", 1));
        },
        code: REFUSED,
        says: &["is not taken"],
    },
    Forgery {
        name: "signature-of-another",
        make: |parts| {
            let other = parts.site.path("components/tool-time.wasm");
            parts.signature = Some(fs::read_to_string(signature_of(&other)).unwrap());
        },
        code: REFUSED,
        says: &["is not what `tests` signed"],
    },
    Forgery {
        name: "native-code",
        make: |parts| {
            let cache = parts.site.path("state/cache");
            let entry = fs::read_dir(cache).unwrap().next().unwrap().unwrap().path();
            let code = fs::read(entry).unwrap();
            parts.component = code[40..].to_vec();
            assert!(parts.component.starts_with(b"\x7fELF"), "the layout of an entry has changed");
        },
        code: USAGE,
        says: &["this is native code"],
    },
    Forgery {
        name: "cache-entry",
        make: |parts| {
            let cache = parts.site.path("state/cache");
            parts.component = fs::read(fs::read_dir(cache).unwrap().next().unwrap().unwrap().path()).unwrap();
        },
        code: USAGE,
        says: &["this is not a component"],
    },
    Forgery {
        name: "core-module",
        make: |parts| parts.component = b"\0asm\x01\0\0\0".to_vec(),
        code: USAGE,
        says: &["this is a core module"],
    },
];

fn signature_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.sigstore.json", path.display()))
}

fn forge(site: &Site, folder: &Path, forgery: &Forgery) -> PathBuf {
    let good = site.path("echo.wasm");
    let mut parts = Parts {
        component: fs::read(&good).unwrap(),
        signature: Some(fs::read_to_string(signature_of(&good)).unwrap()),
        site,
        path: folder.join(format!("{}.wasm", forgery.name)),
    };
    (forgery.make)(&mut parts);
    let signature = signature_of(&parts.path);
    fs::write(&parts.path, &parts.component).unwrap();
    match &parts.signature {
        Some(text) => fs::write(signature, text).unwrap(),
        None => drop(fs::remove_file(signature)),
    }
    parts.path
}

#[test]
fn forgeries_are_refused_and_the_others_serve() {
    let mut site = Site::new().unwrap();
    site.shipped("tool-time", "").unwrap();
    site.grant("echo", "").unwrap();
    // The good one, signed, outside of what the host loads.
    let good = site.fixture("echo", "").unwrap();
    for suffix in ["", ".sigstore.json"] {
        fs::rename(format!("{}{suffix}", good.display()), site.path(&format!("echo.wasm{suffix}"))).unwrap();
    }
    let folder = site.path("forged");
    fs::create_dir(&folder).unwrap();
    let host = site.serve().unwrap();
    for forgery in FORGERIES {
        let path = forge(&site, &folder, forgery);
        let said = site.add(&path).unwrap();
        assert_eq!(said.code, forgery.code, "{}: {}{}", forgery.name, said.out, said.err);
        for part in forgery.says {
            assert!(said.err.contains(part), "{}: {}", forgery.name, said.err);
        }
    }
    let mut client = Mcp::new(host.address());
    assert!(!client.tools().unwrap().contains(&"echo".to_owned()));
    let said = site.add(&site.path("echo.wasm")).unwrap();
    assert_eq!(said.code, 0, "and the good one is taken: {}", said.err);
    assert_eq!(client.say("echo", &json!({ "message": "hello" })).unwrap(), "hello");
    assert_eq!(site.tidegate("remove", &["echo"]).unwrap().code, 0);
    host.stop().unwrap();

    // The same at a start, all at once.
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, site.path("components").join(path.file_name().unwrap())).unwrap();
    }
    let host = site.serve().unwrap();
    assert!(Mcp::new(host.address()).tools().unwrap().contains(&"current_time".to_owned()));
    let listed = site.tidegate("list", &["--json"]).unwrap();
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    for forgery in FORGERIES {
        let refused = listed["refused"].as_array().unwrap().iter();
        let file = format!("/{}.wasm", forgery.name);
        let refused = refused.filter(|refused| refused["what"].as_str().unwrap().ends_with(&file)).collect::<Vec<_>>();
        let [refused] = refused.as_slice() else { panic!("{}: {listed}", forgery.name) };
        for part in forgery.says {
            assert!(refused["reason"].as_str().unwrap().contains(part), "{}: {refused}", forgery.name);
        }
    }
    assert!(listed["components"].as_array().unwrap().iter().all(|one| one["name"] != "echo"), "{listed}");
    host.stop().unwrap();
}

#[test]
fn what_was_installed_is_verified_again_at_every_start() {
    let mut site = Site::new().unwrap();
    let good = site.fixture("echo", "").unwrap();
    assert_eq!(site.add(&good).unwrap().code, 0);
    for suffix in ["", ".sigstore.json"] {
        fs::remove_file(format!("{}{suffix}", good.display())).unwrap();
    }
    let installed = find(&site.path("state/components"), "wasm");
    let mut bytes = fs::read(&installed).unwrap();
    *bytes.last_mut().unwrap() = b' ';
    fs::write(&installed, bytes).unwrap();
    let host = site.serve().unwrap();
    assert_eq!(Mcp::new(host.address()).tools().unwrap(), Vec::<String>::new());
    let listed = site.tidegate("list", &[]).unwrap();
    assert!(listed.out.contains("was changed on the disk"), "{}", listed.out);
    host.stop().unwrap();
}

#[test]
fn a_file_that_is_swapped_while_it_is_added_gives_what_was_signed_or_nothing() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let mut site = Site::new().unwrap();
    let good = site.fixture("echo", "").unwrap();
    let mut evil = fs::read(&good).unwrap();
    *evil.last_mut().unwrap() = b' ';
    let signed = fs::read(&good).unwrap();
    let path = site.path("swapped.wasm");
    fs::copy(format!("{}.sigstore.json", good.display()), site.path("swapped.wasm.sigstore.json")).unwrap();
    fs::write(&path, &signed).unwrap();
    let (stop, mut ends) = (AtomicBool::new(false), Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (one, other) = (site.path("one"), site.path("other"));
            while !stop.load(Ordering::Relaxed) {
                for (file, bytes) in [(&one, &evil), (&other, &signed)] {
                    let _ = fs::write(file, bytes).and_then(|()| fs::rename(file, &path));
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
        });
        // Nothing may panic before the other thread is told to stop.
        for _ in 0..60 {
            let said = site.add(&path);
            let installed = fs::read(site.path("state/components/echo/component.wasm"));
            ends.push((said, installed));
            let taken = ends.iter().filter(|(said, _)| said.as_ref().is_ok_and(|said| said.code == 0)).count();
            if taken >= 3 && ends.len() >= taken + 3 {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (mut taken, mut refused) = (0, 0);
    for (said, installed) in ends {
        let said = said.unwrap();
        if said.code == 0 {
            taken += 1;
            assert!(installed.unwrap() == signed, "other bytes than those that were verified were installed");
        } else {
            refused += 1;
            assert!(said.code == REFUSED && said.err.contains("is not what `tests` signed"), "{said:?}");
        }
    }
    assert!(taken > 0 && refused > 0, "both were seen: {taken} taken, {refused} refused");
}

fn find(folder: &Path, extension: &str) -> PathBuf {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return find(&path, extension);
        }
        if path.extension().is_some_and(|own| own == extension) {
            return path;
        }
    }
    panic!("no `.{extension}` in `{}`", folder.display());
}

#[test]
fn an_import_without_a_grant_is_named_with_the_line_that_permits_it() {
    let mut site = Site::new().unwrap();
    site.guest("quick", "").unwrap();
    site.guest("unheard-of", "").unwrap();
    let cases = [
        ("kv-user", "tidegate:host/kv", "kv = ["),
        ("connector", "wasi:http/outgoing-handler", "network = ["),
        ("secret-user", "tidegate:host/secrets", "secrets = ["),
    ];
    for (fixture, ..) in cases {
        site.fixture(fixture, "").unwrap();
    }
    let host = site.serve().unwrap();
    for (fixture, interface, line) in cases {
        let said = site.add(&site.path(&format!("components/{fixture}.wasm"))).unwrap();
        assert_eq!(said.code, REFUSED, "{fixture}: {}", said.err);
        assert!(said.err.contains(interface) && said.err.contains(line), "{fixture}: {}", said.err);
    }
    let said = site.add(&site.path("components/unheard-of.wasm")).unwrap();
    assert_eq!(said.code, REFUSED, "{}", said.err);
    assert!(said.err.contains("wasi:sockets/tcp"), "{}", said.err);
    assert_eq!(Mcp::new(host.address()).tools().unwrap(), ["quick"], "the others serve");
    host.stop().unwrap();
}

#[test]
fn a_compile_bomb_is_refused_and_the_host_stays_small() {
    let mut site = Site::new().unwrap();
    site.guest("quick", "").unwrap();
    let bomb = site.path("bomb.wasm");
    fs::write(&bomb, nested_bytes(22)).unwrap();
    site.sign(&bomb, "bomb").unwrap();
    let host = site.serve().unwrap();
    let before = resident(host.pid()).unwrap();
    let mut client = Mcp::new(host.address());
    let said = std::thread::scope(|scope| {
        let adding = scope.spawn(|| site.add(&bomb).unwrap());
        let mut calls = 0;
        while !adding.is_finished() || calls == 0 {
            assert_eq!(client.say("quick", &json!({})).unwrap(), "5");
            calls += 1;
        }
        adding.join().unwrap()
    });
    assert_eq!(said.code, REFUSED, "{}", said.err);
    assert!(said.err.contains("setting `compile."), "{}", said.err);
    let grown = resident(host.pid()).unwrap().saturating_sub(before);
    assert!(grown < 64 * MIB, "the host grew by {} MiB", grown / MIB);
    host.stop().unwrap();

    // At a start it hinders nobody either.
    fs::rename(&bomb, site.path("components/bomb.wasm")).unwrap();
    fs::rename(signature_of(&bomb), site.path("components/bomb.wasm.sigstore.json")).unwrap();
    let host = site.serve().unwrap();
    assert_eq!(Mcp::new(host.address()).say("quick", &json!({})).unwrap(), "5");
    host.stop().unwrap();
}

fn nested_bytes(levels: u32) -> Vec<u8> {
    wat::parse_str(nested(levels)).unwrap()
}

#[test]
fn a_component_from_elsewhere_is_refused_in_development_mode_too() {
    let mut site = Site::new().unwrap();
    let folder = site.path("elsewhere");
    fs::create_dir(&folder).unwrap();
    let unsigned = build("quick", &folder).unwrap();
    site.guest("counter", "").unwrap();
    let host = site
        .node()
        .serve_with(|command| {
            command.arg("--development");
        })
        .unwrap();
    let said = site.add(&unsigned).unwrap();
    assert_eq!(said.code, REFUSED, "{}", said.err);
    assert!(said.err.contains("has no signature"), "{}", said.err);
    // A receipt that another host could have made.
    let sum = std::process::Command::new("sha256sum").arg(&unsigned).output().unwrap();
    let digest = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    let receipt = format!("tidegate-local-build-v1\nquick@1.0.0\nsha256:{digest}\n{}\n", "0".repeat(64));
    fs::write(format!("{}.receipt", unsigned.display()), receipt).unwrap();
    let said = site.add(&unsigned).unwrap();
    assert_eq!(said.code, REFUSED, "{}", said.err);
    assert!(said.err.contains("was not made on this machine for these bytes"), "{}", said.err);
    let listed = site.tidegate("list", &[]).unwrap();
    assert!(listed.out.contains("DEVELOPMENT MODE"), "{}", listed.out);
    assert!(host.log().contains("DEVELOPMENT MODE"), "{}", host.log());
    assert_eq!(Mcp::new(host.address()).tools().unwrap(), ["count", "crash"]);
    host.stop().unwrap();
}
