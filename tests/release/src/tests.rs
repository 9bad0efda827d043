#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;

const LOCK: &str = r#"
version = 4
[[package]]
name = "tidegate-edge"
version = "0.1.0"
dependencies = ["one", "two"]
[[package]]
name = "one"
version = "1.0.0"
checksum = "aa"
[[package]]
name = "two"
version = "2.0.0"
checksum = "bb"
"#;

struct Release {
    folder: tempfile::TempDir,
    key: PrivateKey,
}

impl Release {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        fs::write(folder.path().join("Cargo.lock"), LOCK).unwrap();
        for name in ["tidegate-edge-0.1.0-aarch64", "tidegate-edge_arm64.deb"] {
            fs::write(folder.path().join("out").join(name), name).unwrap();
        }
        Self { folder, key: PrivateKey::generate(Algorithm::Ed25519).unwrap() }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn document(&self) -> Result<()> {
        let made = Made {
            package: "tidegate-edge@0.1.0".to_owned(),
            built: [("one".to_owned(), "1.0.0".to_owned())].into(),
            parameters: [("profile".to_owned(), "edge".to_owned())].into(),
            commit: Some("0".repeat(40)),
            locks: vec!["Cargo.lock".into()],
        };
        document(&self.out(), self.folder.path(), &made, &self.key)
    }

    fn verify(&self) -> Result<usize> {
        verify(&self.out(), &self.key.public_key())
    }

    fn bytes(&self) -> Vec<(String, Vec<u8>)> {
        subjects(&self.out())
            .unwrap()
            .into_iter()
            .map(|file| (file.name.clone(), fs::read(self.out().join(file.name)).unwrap()))
            .collect()
    }
}

#[test]
fn a_release_is_documented_the_same_way_twice() {
    let release = Release::new();
    release.document().unwrap();
    // Both files, and the list of parts.
    assert_eq!(release.verify().unwrap(), 3);
    let first = release.bytes();
    release.document().unwrap();
    assert_eq!(first, release.bytes());
    let sums = fs::read_to_string(release.out().join(SUMS)).unwrap();
    assert_eq!(sums.lines().count(), 7, "{sums}");
    let sbom = fs::read_to_string(release.out().join(SBOM)).unwrap();
    assert!(sbom.contains("pkg:cargo/one@1.0.0") && !sbom.contains("pkg:cargo/two"), "{sbom}");
}

#[test]
fn a_release_that_was_changed_is_refused() {
    let release = Release::new();
    release.document().unwrap();
    fs::write(release.out().join("tidegate-edge-0.1.0-aarch64"), "other").unwrap();
    assert!(format!("{:#}", release.verify().unwrap_err()).contains("tidegate-edge-0.1.0-aarch64"));
    release.document().unwrap();
    fs::write(release.out().join("added"), "").unwrap();
    assert!(format!("{:#}", release.verify().unwrap_err()).contains("added"));
    fs::remove_file(release.out().join("added")).unwrap();
    fs::remove_file(release.out().join("tidegate-edge_arm64.deb")).unwrap();
    assert!(format!("{:#}", release.verify().unwrap_err()).contains(SUMS));
    release.document().unwrap();
    let stranger = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    assert!(verify(&release.out(), &stranger.public_key()).is_err());
}

#[test]
fn a_key_whose_signatures_differ_is_refused() {
    let release = Release { key: PrivateKey::generate(Algorithm::EcdsaP256).unwrap(), ..Release::new() };
    assert!(release.document().unwrap_err().to_string().contains("tidegate key new"));
}
