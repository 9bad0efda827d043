//! Three signers, three verifiers: ours, Python's and JavaScript's read the same files, and mean the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tidegate_e2e::sigstore::{IDENTITY, ISSUER, Official, Sigstore};

const COMPONENT: &str = "https://tidegate.dev/attestation/component/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// Components, statements and their signatures in a folder.
struct Bench {
    folder: tempfile::TempDir,
    services: Sigstore,
}

/// How `tidegate` ended.
struct Ended {
    code: Option<i32>,
    said: String,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let services = Sigstore::start(&folder.path().join("sigstore")).unwrap();
        std::fs::copy(tidegate_e2e::components().unwrap().join("tool-time.wasm"), folder.path().join("time.wasm"))
            .unwrap();
        Self { folder, services }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tidegate<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ended {
        let mut command = Command::new(tidegate_e2e::host().unwrap());
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        let output = command.args(arguments).output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: output.status.code(), said: said(&output.stdout) + &said(&output.stderr) }
    }

    /// What our verifier says about `bundle` as the signature of the component.
    fn verify(&self, bundle: &Path, more: &[&str]) -> Ended {
        std::fs::copy(bundle, self.path("time.wasm.sigstore.json")).unwrap();
        let root = "sigstore/root.json";
        let identity = ["verify", "--identity", IDENTITY, "--issuer", ISSUER, "--trusted-root", root];
        self.tidegate(identity.into_iter().chain(more.iter().copied()).chain(["time.wasm"]))
    }

    /// Our own signature, by the services.
    fn sign(&self, more: &[&str]) {
        let by = ["sign", "--identity-token-file", "sigstore/token", "--signing-config", "sigstore/config.json"];
        let ended = self.tidegate(by.into_iter().chain(more.iter().copied()).chain(["time.wasm"]));
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }

    /// The statements that everybody signs: they differ in what they say about the component.
    fn statement(&self, file: &str, predicate_type: &str, predicate: &Value) -> PathBuf {
        let digest = self.digest();
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": self.reference(), "digest": { "sha256": digest } }],
            "predicateType": predicate_type,
            "predicate": predicate,
        });
        std::fs::write(self.path(file), statement.to_string()).unwrap();
        self.path(file)
    }

    fn digest(&self) -> String {
        let sum = Command::new("sha256sum").arg(self.path("time.wasm")).output().unwrap();
        String::from_utf8(sum.stdout).unwrap()[..64].to_owned()
    }

    /// `tool-time@VERSION`, as the component's manifest has it.
    fn reference(&self) -> String {
        let shown = self.tidegate(["inspect", "--json", "time.wasm"]).said;
        let start = shown.find('{').unwrap();
        let shown: Value = serde_json::Deserializer::from_str(&shown[start..]).into_iter().next().unwrap().unwrap();
        shown["reference"].as_str().unwrap().to_owned()
    }
}

#[test]
fn three_signers_and_three_verifiers_agree_on_signatures_and_provenance() {
    let mut bench = Bench::new();
    let reference = bench.reference();
    let (name, version) = reference.split_once('@').unwrap();
    let component = bench.statement("component.json", COMPONENT, &json!({ "name": name, "version": version }));
    let provenance = bench.statement(
        "provenance.json",
        PROVENANCE,
        &json!({
            "buildDefinition": { "buildType": "https://ci.sigstore.test/v1", "externalParameters": { "ref": "main" } },
            "runDetails": { "builder": { "id": "https://ci.sigstore.test" } },
        }),
    );
    bench.sign(&[]);
    std::fs::rename(bench.path("time.wasm.sigstore.json"), bench.path("ours.component")).unwrap();
    bench.sign(&["--statement", "provenance.json", "--out", "ours.provenance"]);
    for (by, signer) in [(Official::Python, "python"), (Official::JavaScript, "javascript")] {
        bench.services.sign(by, &component, &bench.path(&format!("{signer}.component"))).unwrap();
        bench.services.sign(by, &provenance, &bench.path(&format!("{signer}.provenance"))).unwrap();
    }
    for signer in ["ours", "python", "javascript"] {
        let (component, provenance) = (format!("{signer}.component"), format!("{signer}.provenance"));
        let ended = bench.verify(&bench.path(&component), &["--statement", &provenance]);
        assert_eq!(ended.code, Some(0), "{signer}: {}", ended.said);
        let expected = format!("verified {reference}, signed by {IDENTITY} ({IDENTITY}, by {ISSUER})");
        assert!(ended.said.contains(&expected), "{signer}: {}", ended.said);
        assert!(ended.said.contains("built by https://ci.sigstore.test"), "{signer}: {}", ended.said);
        let artifact = bench.path("time.wasm");
        for file in [&component, &provenance] {
            for verifier in [Official::Python, Official::JavaScript] {
                let verified = bench.services.verify(verifier, &bench.path(file), IDENTITY, &artifact);
                verified.unwrap_or_else(|error| panic!("{file} by {verifier:?}: {error:#}"));
                // They are no verifiers if they say yes to everything.
                let other = bench.services.verify(verifier, &bench.path(file), &format!("{IDENTITY}-2"), &artifact);
                assert!(other.is_err(), "{file} by {verifier:?} for another name");
            }
            bench.services.verify_with_command(&bench.path(file), &artifact).unwrap();
        }
    }
    // Provenance does not let a component in, whoever made it.
    let ended = bench.verify(&bench.path("python.provenance"), &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.said);
    assert!(ended.said.contains("does not vouch for a component"), "{}", ended.said);
    bench.services.stop().unwrap();
}

#[test]
fn a_key_signs_what_the_others_read_too_and_a_lost_service_is_named() {
    let mut bench = Bench::new();
    assert_eq!(bench.tidegate(["key", "new", "--out", "a.key"]).code, Some(0));
    let sign = |bench: &Bench, services: &str| {
        bench.tidegate(["sign", "--identity-token-file", "sigstore/token", "--signing-config", services, "time.wasm"])
    };
    // A key and an identity at once, and a token without services, are mistakes.
    let both = ["sign", "--key", "a.key", "--identity-token-file", "t", "--signing-config", "c", "time.wasm"];
    assert_eq!(bench.tidegate(both).code, Some(2));
    assert_eq!(bench.tidegate(["sign", "--identity-token-file", "sigstore/token", "time.wasm"]).code, Some(2));
    let config = std::fs::read_to_string(bench.path("sigstore/config.json")).unwrap();
    std::fs::write(bench.path("plain.json"), config.replace("http://127.0.0.1", "http://example.com")).unwrap();
    let ended = sign(&bench, "plain.json");
    assert_eq!(ended.code, Some(2), "{}", ended.said);
    assert!(ended.said.contains("everybody on the way could read the token"), "{}", ended.said);
    bench.services.stop().unwrap();
    let ended = sign(&bench, "sigstore/config.json");
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(ended.said.contains("the certificate authority did not do its part"), "{}", ended.said);
    assert!(!bench.folder.path().join("time.wasm.sigstore.json").exists());
}
