//! Models that should not get in: the table's rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tidegate_attack::table::{GROUPS, MODELS};
use tidegate_attack::{Said, Site};
use tidegate_attestation::{Algorithm, PrivateKey, sign_model, sign_statement};
use tidegate_bundle::{ModelStatement, Statement};
use tidegate_reference::Digest;

/// A node that believes `lab` in models and `tests` in components, and a model of the lab.
struct Lab {
    site: Site,
    key: PrivateKey,
}

const WEIGHTS: &[u8] = b"any bytes: the host reads none of them";

impl Lab {
    fn new() -> Self {
        let mut site = Site::new().unwrap();
        let key = site.shown("lab.key");
        site.node().tidegate(&["key", "new", "--out", &key]).unwrap();
        site.policy("[signers.lab]\npublic-key-file = \"lab.pub\"\nroles = [\"model\"]\n\n").unwrap();
        let key = PrivateKey::from_pem(&fs::read_to_string(&key).unwrap()).unwrap();
        let lab = Self { site, key };
        lab.model("name = \"tide\"\nversion = \"1.0.0\"", "tide.bin");
        lab
    }

    fn folder(&self) -> PathBuf {
        self.site.path("tide")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// A model with a signature over what is there.
    fn model(&self, head: &str, file: &str) {
        fs::create_dir_all(self.folder()).unwrap();
        fs::write(self.file("tide.bin"), WEIGHTS).unwrap();
        let manifest = format!("{head}\nformat = \"affine\"\nfiles = [\"{file}\"]\n");
        fs::write(self.file("model.toml"), manifest).unwrap();
        self.sign(&self.key);
    }

    fn statement(&self) -> ModelStatement {
        let file = |name: &str| (name.to_owned(), Digest::of(&fs::read(self.file(name)).unwrap()));
        ModelStatement { subject: "tide".to_owned(), files: vec![file("model.toml"), file("tide.bin")] }
    }

    fn sign(&self, key: &PrivateKey) {
        let signed = sign_model(&self.statement(), key).unwrap();
        fs::write(self.file("model.toml.sigstore.json"), signed).unwrap();
    }

    fn add(&self) -> Said {
        let mut process = Command::new(tidegate_e2e::host().unwrap());
        process.args([
            "model",
            "add",
            "--state",
            &self.site.shown("state"),
            "--policy",
            &self.site.shown("policy.toml"),
        ]);
        Said::of(process.arg(self.folder())).unwrap()
    }
}

/// Tries one row on a node of its own.
fn tried(row: &str) -> Said {
    let lab = Lab::new();
    let weights = lab.file("tide.bin");
    match row {
        "model-unsigned" => fs::remove_file(lab.file("model.toml.sigstore.json")).unwrap(),
        "model-unknown-key" => lab.sign(&PrivateKey::generate(Algorithm::Ed25519).unwrap()),
        "model-component-role" => {
            let tests = fs::read_to_string(lab.site.path("tests.key")).unwrap();
            lab.sign(&PrivateKey::from_pem(&tests).unwrap());
        }
        "model-components-statement" => {
            let manifest = Digest::of(&fs::read(lab.file("model.toml")).unwrap());
            let lie = Statement::about(&"tide@1.0.0".parse().unwrap(), manifest).to_json();
            fs::write(lab.file("model.toml.sigstore.json"), sign_statement(lie, &lab.key).unwrap()).unwrap();
        }
        "model-changed-byte" => fs::write(&weights, WEIGHTS.to_ascii_uppercase()).unwrap(),
        "model-cut-short" => fs::write(&weights, &WEIGHTS[..WEIGHTS.len() - 1]).unwrap(),
        "model-swapped" => {
            // What the lab signed for another model.
            let other = [WEIGHTS, b"of another model"].concat();
            fs::write(&weights, other).unwrap();
            let signed = sign_model(&lab.statement(), &lab.key).unwrap();
            fs::write(lab.site.path("other.sigstore.json"), signed).unwrap();
        }
        "model-manifest-changed" => {
            let manifest = fs::read_to_string(lab.file("model.toml")).unwrap();
            fs::write(lab.file("model.toml"), format!("{manifest}backend = \"other\"\n")).unwrap();
        }
        "model-file-not-signed" => {
            lab.model("name = \"tide\"\nversion = \"1.0.0\"", "tide.bin\", \"more.bin");
            fs::write(lab.file("more.bin"), b"more").unwrap();
        }
        "model-older" => {
            let newer = lab.add();
            assert_eq!(newer.code, 0, "{}", newer.err);
            lab.model("name = \"tide\"\nversion = \"0.9.0\"", "tide.bin");
        }
        "model-path" => lab.model("name = \"tide\"\nversion = \"1.0.0\"", "../../secret"),
        "model-absolute-path" => lab.model("name = \"tide\"\nversion = \"1.0.0\"", "/etc/passwd"),
        "model-name" => lab.model("name = \"../components\"\nversion = \"1.0.0\"", "tide.bin"),
        "model-pipe" => {
            fs::remove_file(&weights).unwrap();
            assert!(Command::new("mkfifo").arg(&weights).status().unwrap().success());
        }
        "model-missing-file" => fs::remove_file(&weights).unwrap(),
        other => panic!("no attack is called `{other}`"),
    }
    lab.add()
}

#[test]
fn no_model_comes_in_that_nobody_answers_for() {
    let good = Lab::new().add();
    assert_eq!(good.code, 0, "{}", good.err);
    let mut wrong = Vec::new();
    for row in GROUPS.iter().filter(|group| group.test == MODELS).flat_map(|group| group.rows) {
        let said = tried(row.name);
        if said.code != row.code || !row.says.iter().all(|part| said.err.contains(part)) {
            wrong.push(format!("{}: exit {}\n{}", row.name, said.code, said.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
