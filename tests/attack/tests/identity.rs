//! Signature files by certificates that nobody should accept, and keys in place of identities: the table's rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tidegate_attack::Said;
use tidegate_attack::table::{GROUPS, IDENTITIES, KINDS, Row};
use tidegate_e2e::sigstore::{IDENTITY, ISSUER, forge};

/// What the forge makes that must be accepted: a test that refuses everything would pass without them.
const GOOD: &[&str] = &["good", "good-with-the-log-time-only", "good-with-the-signed-time-only"];

/// A folder with a component, forged signature files, and policies.
struct Yard {
    folder: tempfile::TempDir,
    cases: Vec<String>,
}

impl Yard {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(tidegate_e2e::fixtures().unwrap().join("echo.wasm"), folder.path().join("echo.wasm")).unwrap();
        let forged = folder.path().join("forged");
        let cases = forge(&folder.path().join("echo.wasm"), "echo", "0.1.0", &forged).unwrap();
        let yard = Self { folder, cases };
        yard.tidegate(&["key", "new", "--out", "tests.key"]);
        let identity =
            format!("identity = \"{IDENTITY}\"\nissuer = \"{ISSUER}\"\ntrusted-root-file = \"forged/root.json\"\n");
        yard.write("identity.toml", &format!("version = 1\n[signers.release]\n{identity}"));
        yard.write("key.toml", "version = 1\n[signers.tests]\npublic-key-file = \"tests.pub\"\n");
        let both =
            format!("version = 1\n[signers.tests]\npublic-key-file = \"tests.pub\"\n[signers.release]\n{identity}");
        yard.write("both.toml", &both);
        let foreign = identity.replace("root.json", "foreign.json");
        yard.write("foreign.toml", &format!("version = 1\n[signers.release]\n{foreign}"));
        yard
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn tidegate(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(tidegate_e2e::host().unwrap());
        Said::of(command.current_dir(self.folder.path()).env("HOME", self.folder.path()).args(arguments)).unwrap()
    }

    /// What `tidegate verify` says about the component with this signature file.
    fn verify(&self, signature: &Path, policy: &str) -> Said {
        fs::copy(signature, self.path("echo.wasm.sigstore.json")).unwrap();
        self.tidegate(&["verify", "--policy", policy, "echo.wasm"])
    }

    fn forged(&self, case: &str) -> PathBuf {
        self.path(&format!("forged/{case}.json"))
    }
}

fn compare(row: &Row, said: &Said, wrong: &mut Vec<String>) {
    let all = row.says.iter().all(|part| said.err.contains(part));
    if said.code != row.code || !all {
        wrong.push(format!("{}: exit {} instead of {}, {}{}", row.name, said.code, row.code, said.out, said.err));
    }
}

#[test]
fn no_forged_identity_is_accepted() {
    let yard = Yard::new();
    let rows: Vec<&Row> = GROUPS.iter().filter(|group| group.test == IDENTITIES).flat_map(|group| group.rows).collect();
    let known: BTreeSet<&str> = rows.iter().map(|row| row.name).chain(GOOD.iter().copied()).collect();
    let made: BTreeSet<&str> =
        yard.cases.iter().map(String::as_str).filter(|case| *case != "good-provenance").collect();
    assert_eq!(known, made, "the table and the forge have the same cases");
    for good in GOOD {
        let said = yard.verify(&yard.forged(good), "identity.toml");
        assert_eq!(said.code, 0, "{good}: {}", said.err);
        assert!(said.out.contains(&format!("signed by release ({IDENTITY}, by {ISSUER})")), "{good}: {}", said.out);
    }
    let mut wrong = Vec::new();
    for row in &rows {
        compare(row, &yard.verify(&yard.forged(row.name), "identity.toml"), &mut wrong);
        // Another signer beside it opens nothing.
        let said = yard.verify(&yard.forged(row.name), "both.toml");
        if said.code == 0 {
            wrong.push(format!("{} is accepted beside a key: {}", row.name, said.out));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Makes one of the rows: the signature file, and the policy it is tried against.
fn make(yard: &Yard, row: &str) -> (PathBuf, &'static str) {
    let out = yard.path("made.json");
    let sign = |key: &str| {
        fs::remove_file(yard.path("echo.wasm.sigstore.json")).ok();
        let said = yard.tidegate(&["sign", "--key", key, "echo.wasm"]);
        assert_eq!(said.code, 0, "{}", said.err);
        serde_json::from_str::<Value>(&fs::read_to_string(yard.path("echo.wasm.sigstore.json")).unwrap()).unwrap()
    };
    let hint = |bundle: &Value| bundle["verificationMaterial"]["publicKey"]["hint"].clone();
    let (bundle, policy) = match row {
        "key-under-an-identity-policy" => (sign("tests.key"), "identity.toml"),
        "identity-under-a-key-policy" => return (yard.forged("good"), "key.toml"),
        "identity-under-another-root" => return (yard.forged("good"), "foreign.toml"),
        "key-that-calls-itself-the-identity" => {
            let mut bundle = sign("tests.key");
            bundle["verificationMaterial"]["publicKey"]["hint"] = IDENTITY.into();
            (bundle, "identity.toml")
        }
        "key-that-claims-the-believed-key" => {
            yard.tidegate(&["key", "new", "--out", "other.key"]);
            let believed = hint(&sign("tests.key"));
            let mut bundle = sign("other.key");
            bundle["verificationMaterial"]["publicKey"]["hint"] = believed;
            (bundle, "key.toml")
        }
        "log-entry-beside-a-key" => {
            let good: Value = serde_json::from_str(&fs::read_to_string(yard.forged("good")).unwrap()).unwrap();
            let mut bundle = sign("tests.key");
            bundle["verificationMaterial"]["tlogEntries"] = good["verificationMaterial"]["tlogEntries"].clone();
            (bundle, "key.toml")
        }
        "provenance-by-the-believed-key" => {
            let good: Value =
                serde_json::from_str(&fs::read_to_string(yard.forged("good-provenance")).unwrap()).unwrap();
            let payload = good["dsseEnvelope"]["payload"].as_str().unwrap();
            let decode = format!("printf %s '{payload}' | base64 -d > provenance.json");
            let made = Command::new("sh").current_dir(yard.folder.path()).args(["-c", &decode]).status().unwrap();
            assert!(made.success());
            fs::remove_file(yard.path("echo.wasm.sigstore.json")).ok();
            let sign =
                ["sign", "--key", "tests.key", "--statement", "provenance.json", "--out", "made.json", "echo.wasm"];
            let said = yard.tidegate(&sign);
            assert_eq!(said.code, 0, "{}", said.err);
            return (out, "key.toml");
        }
        other => panic!("`{other}` is not made here"),
    };
    fs::write(&out, bundle.to_string()).unwrap();
    (out, policy)
}

#[test]
fn keys_and_identities_do_not_stand_for_each_other() {
    let yard = Yard::new();
    let mut wrong = Vec::new();
    for row in GROUPS.iter().filter(|group| group.test == KINDS).flat_map(|group| group.rows) {
        let (signature, policy) = make(&yard, row.name);
        compare(row, &yard.verify(&signature, policy), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Each in its own place counts, also beside the other.
    assert_eq!(yard.verify(&yard.forged("good"), "both.toml").code, 0);
    fs::remove_file(yard.path("echo.wasm.sigstore.json")).unwrap();
    assert_eq!(yard.tidegate(&["sign", "--key", "tests.key", "echo.wasm"]).code, 0);
    assert_eq!(yard.tidegate(&["verify", "--policy", "both.toml", "echo.wasm"]).code, 0);
}
