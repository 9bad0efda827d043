//! Native code on a node that does not compile: the table's rows, and what good native code does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidegate_attack::table::{GROUPS, NATIVE};
use tidegate_attack::{Said, Site, versioned};
use tidegate_attestation::{PrivateKey, sign_native, sign_statement};
use tidegate_bundle::{Bundle, CodeLayout, CodeTarget, NativeStatement, Statement};

/// A node that does not compile, a builder that signs native code, and `tide` with native code that is in order.
struct Edge {
    site: Site,
    builder: PrivateKey,
}

/// A signature file, and what it says.
struct Signed {
    statement: NativeStatement,
    to: PathBuf,
}

const HERE: CodeTarget = CodeTarget::here();

impl Edge {
    fn new() -> Self {
        let mut site = Site::new().unwrap();
        let key = site.shown("builder.key");
        site.node().tidegate(&["key", "new", "--out", &key]).unwrap();
        site.policy("[signers.builder]\npublic-key-file = \"builder.pub\"\nroles = [\"native-code\"]\n\n").unwrap();
        for name in ["tide", "wave"] {
            site.grant(name, "").unwrap();
        }
        fs::write(site.path("tidegate.toml"), "[engine]\ncompile = false\n").unwrap();
        let builder = PrivateKey::from_pem(&fs::read_to_string(&key).unwrap()).unwrap();
        let edge = Self { site, builder };
        edge.compiled("tide", "1.0.0", &[HERE.name()]);
        edge
    }

    /// A signed component with native code that the builder signed.
    fn compiled(&self, name: &str, version: &str, arguments: &[&str]) -> PathBuf {
        let path = self.site.path(&format!("{name}.wasm"));
        // Another name and version alone would be compiled to the same bytes.
        fs::write(&path, versioned(name, version, &["level"], &format!("{name} {version}")).unwrap()).unwrap();
        let shown = path.display().to_string();
        self.site.node().tidegate(&["sign", "--key", &self.site.shown("tests.key"), &shown]).unwrap();
        let key = self.site.shown("builder.key");
        let mut command = vec!["build", &shown, "--key", &key, "--target"];
        command.extend(arguments);
        self.site.node().tidegate(&command).unwrap();
        path
    }

    fn tide(&self) -> PathBuf {
        self.site.path("tide.wasm")
    }

    /// What the builder said of the code of `component`, to be said otherwise.
    fn signed(&self, component: &Path) -> Signed {
        let to = signature(&native(component, HERE));
        let file: Value = serde_json::from_slice(&fs::read(&to).unwrap()).unwrap();
        let payload = decode(file["dsseEnvelope"]["payload"].as_str().unwrap());
        Signed { statement: NativeStatement::parse(&payload).unwrap(), to }
    }

    fn sign(&self, signed: &Signed, key: &PrivateKey) {
        fs::write(&signed.to, sign_native(&signed.statement, key).unwrap()).unwrap();
    }

    /// The builder says something else of the code that is there.
    fn lie(&self, change: impl FnOnce(&mut NativeStatement)) {
        let mut signed = self.signed(&self.tide());
        change(&mut signed.statement);
        self.sign(&signed, &self.builder);
    }

    fn run(&self, command: &str, more: &[&str]) -> Said {
        let config = self.site.shown("tidegate.toml");
        let arguments: Vec<&str> = ["--config", &config].into_iter().chain(more.iter().copied()).collect();
        self.site.tidegate(command, &arguments).unwrap()
    }

    fn add(&self, path: &Path) -> Said {
        self.run("add", &[&path.display().to_string()])
    }
}

fn native(component: &Path, target: CodeTarget) -> PathBuf {
    component.with_extension(format!("{target}.cwasm"))
}

fn signature(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.sigstore.json", path.display()))
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn flip(path: &Path) {
    change(path, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    });
}

/// Tries one row on a node of its own.
fn tried(row: &str) -> Said {
    let edge = Edge::new();
    let tide = edge.tide();
    let code = native(&tide, HERE);
    let elsewhere = if HERE == CodeTarget::Aarch64 { CodeTarget::X86_64 } else { CodeTarget::Aarch64 };
    match row {
        "unsigned" => fs::remove_file(signature(&code)).unwrap(),
        "missing" => {
            // What it has is for others.
            fs::rename(&code, native(&tide, CodeTarget::Pulley64)).unwrap();
        }
        "unknown-key" => {
            let stranger = PrivateKey::generate(tidegate_attestation::Algorithm::Ed25519).unwrap();
            edge.sign(&edge.signed(&tide), &stranger);
        }
        "component-role" => {
            let tests = fs::read_to_string(edge.site.path("tests.key")).unwrap();
            edge.sign(&edge.signed(&tide), &PrivateKey::from_pem(&tests).unwrap());
        }
        "components-statement" => {
            let Signed { statement, to } = edge.signed(&tide);
            let lie = Statement::about(&statement.component, statement.code).to_json();
            fs::write(to, sign_statement(lie, &edge.builder).unwrap()).unwrap();
        }
        "tampered-byte" => flip(&code),
        "appended" => change(&code, |bytes| bytes.push(0)),
        "code-swapped" | "swapped" => {
            let wave = native(&edge.compiled("wave", "1.0.0", &[HERE.name()]), HERE);
            fs::copy(&wave, &code).unwrap();
            if row == "swapped" {
                fs::copy(signature(&wave), signature(&code)).unwrap();
            }
        }
        "other-version" => {
            let keep = |path: &Path| fs::read(path).unwrap();
            let now = [keep(&tide), keep(&signature(&tide))];
            edge.compiled("tide", "0.9.0", &[HERE.name()]);
            for (path, bytes) in [tide.clone(), signature(&tide)].iter().zip(now) {
                fs::write(path, bytes).unwrap();
            }
        }
        "other-name" => edge.lie(|statement| statement.component = "wave@1.0.0".parse().unwrap()),
        "other-target" | "other-target-signed-as-ours" => {
            edge.compiled("tide", "1.0.0", &[elsewhere.name()]);
            let theirs = native(&tide, elsewhere);
            fs::copy(&theirs, &code).unwrap();
            fs::copy(signature(&theirs), signature(&code)).unwrap();
            if row == "other-target-signed-as-ours" {
                edge.lie(|statement| statement.target = HERE);
            }
        }
        "other-engine" => edge.lie(|statement| statement.engine = "48.0.7".parse().unwrap()),
        "other-layout" => drop(edge.compiled("tide", "1.0.0", &[HERE.name(), "--layout", "compact"])),
        "other-layout-signed-as-ours" => {
            edge.compiled("tide", "1.0.0", &[HERE.name(), "--layout", "compact"]);
            edge.lie(|statement| statement.layout = CodeLayout::Generous);
        }
        "no-code" => {
            fs::copy(&tide, &code).unwrap();
            let digest = Bundle::new(fs::read(&tide).unwrap(), Vec::new()).unwrap().digest();
            edge.lie(|statement| statement.code = digest);
        }
        "component-tampered" => change(&tide, |bytes| *bytes.last_mut().unwrap() = b' '),
        "component-unsigned" => {
            fs::remove_file(signature(&tide)).unwrap();
        }
        "signs-a-component" => {
            let (key, tide) = (edge.site.shown("builder.key"), tide.display().to_string());
            edge.site.node().tidegate(&["sign", "--key", &key, &tide]).unwrap();
        }
        "signature-on-the-component" => {
            let tests = PrivateKey::from_pem(&fs::read_to_string(edge.site.path("tests.key")).unwrap()).unwrap();
            let Signed { statement, .. } = edge.signed(&tide);
            edge.sign(&Signed { statement, to: signature(&tide) }, &tests);
        }
        "as-a-component" => {
            fs::copy(&code, &tide).unwrap();
        }
        "after-installing" => {
            assert_eq!(edge.add(&tide).code, 0);
            flip(&edge.site.path(&format!("state/components/tide/component.{HERE}.cwasm")));
            let listed = edge.run("list", &["--json"]);
            let value: Value = serde_json::from_str(&listed.out).unwrap();
            let refused = value["refused"][0]["reason"].as_str().unwrap_or_default().to_owned();
            assert_eq!(value["components"].as_array().unwrap().len(), 0, "{value}");
            return Said { code: 3, err: refused, ..listed };
        }
        other => panic!("`{other}` is not made here"),
    }
    edge.add(&tide)
}

#[test]
fn no_native_code_runs_that_nobody_answers_for() {
    let mut wrong = Vec::new();
    for row in GROUPS.iter().filter(|group| group.test == NATIVE).flat_map(|group| group.rows) {
        let said = tried(row.name);
        if said.code != row.code || !row.says.iter().all(|part| said.err.contains(part)) {
            wrong.push(format!("{}: exit {} instead of {}, {}{}", row.name, said.code, row.code, said.out, said.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn good_native_code_serves_without_a_compiler_and_after_a_start() {
    let edge = Edge::new();
    let said = edge.add(&edge.tide());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("native code signed by builder"), "{}", said.out);
    let cached = fs::read_dir(edge.site.path("state/cache")).map_or(0, Iterator::count);
    for suffix in ["wasm", "wasm.sigstore.json"] {
        fs::remove_file(edge.site.path(&format!("tide.{suffix}"))).unwrap();
    }
    let said = edge.run("call", &["level", "{}"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(
        fs::read_dir(edge.site.path("state/cache")).map_or(0, Iterator::count),
        cached,
        "something was compiled"
    );
    let audit = fs::read_to_string(edge.site.path("state/audit.jsonl")).unwrap();
    assert!(audit.lines().any(|line| line.contains("\"native\":\"builder (")), "{audit}");
}

#[test]
fn code_that_runs_is_what_was_verified_whatever_is_written_over_its_files() {
    let edge = Edge::new();
    let config = edge.site.shown("tidegate.toml");
    let host = edge
        .site
        .node()
        .serve_with(|command| {
            command.args(["--config", &config]);
        })
        .unwrap();
    let tide = edge.tide();
    assert_eq!(edge.add(&tide).code, 0);
    let before = edge.run("call", &["level", "{}"]);
    assert_eq!(before.code, 0, "{}{}", before.out, before.err);
    let installed = edge.site.path("state/components/tide");
    for path in [native(&tide, HERE), native(&installed.join("component.wasm"), HERE), installed.join("component.wasm")]
    {
        // In place, so that whatever maps the file would see it.
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        let zeros = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.write_all_at(&zeros, 0).unwrap();
    }
    for _ in 0..3 {
        let after = edge.run("call", &["level", "{}"]);
        assert_eq!((after.code, &after.out), (0, &before.out), "{}", after.err);
    }
    assert!(host.log().contains("serving"), "{}", host.log());
    host.stop().unwrap();
    // And what was written there does not come in.
    let said = edge.run("call", &["level", "{}"]);
    assert_ne!(said.code, 0, "{}", said.out);
}

#[test]
fn a_host_with_the_compiler_takes_no_native_code() {
    let edge = Edge::new();
    // Wrong in every way, and not even looked at.
    fs::write(native(&edge.tide(), HERE), "no code").unwrap();
    let said = edge.site.add(&edge.tide()).unwrap();
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(!said.out.contains("native code"), "{}", said.out);
    let installed = fs::read_dir(edge.site.path("state/components/tide")).unwrap();
    assert!(installed.into_iter().all(|entry| !entry.unwrap().file_name().to_string_lossy().contains("cwasm")));
}

#[test]
fn people_see_what_native_code_there_is_and_who_signed_it() {
    let edge = Edge::new();
    let tide = edge.tide().display().to_string();
    edge.compiled("tide", "1.0.0", &["pulley64,aarch64-unknown-linux-gnu,riscv64gc-unknown-linux-gnu"]);
    let said = edge.run("verify", &["--json", &tide]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let native = value["verified"][0]["native"].as_array().unwrap();
    assert!(native.len() >= 4 && native.iter().all(|one| one["signer"]["name"] == "builder"), "{value}");
    let here = native.iter().filter(|one| one.get("elsewhere").is_none()).count();
    assert_eq!(here, 2, "this processor's and the interpreter's: {value}");
    let said = edge.run("inspect", &[&tide]);
    assert!(said.out.contains("runs on this machine") && said.out.contains("not on this machine"), "{}", said.out);
    flip(&native_file(&edge));
    let said = edge.run("verify", &[&tide]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(said.out.contains("is not what `builder` signed"), "{}", said.out);
}

fn native_file(edge: &Edge) -> PathBuf {
    native(&edge.tide(), HERE)
}

#[test]
fn native_code_is_signed_by_who_compiles_it_and_by_nobody_else() {
    let edge = Edge::new();
    let code = native_file(&edge).display().to_string();
    let key = edge.site.shown("builder.key");
    let said = edge.site.tidegate("sign", &["--key", &key, &code]).unwrap();
    assert!(said.code == 2 && said.err.contains("tidegate build"), "{} {}", said.code, said.err);
}
