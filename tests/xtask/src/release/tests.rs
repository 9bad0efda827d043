#![allow(clippy::unwrap_used, reason = "tests")]

use super::{NAME, PACKAGED, VERSION, Wanted, image};
use crate::cross::named;
use crate::layout::Layout;

fn read(line: &str) -> Result<Wanted, String> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    Wanted::read(&words).map_err(|error| error.to_string())
}

#[test]
fn a_release_wants_a_key() {
    let wanted = read("--key k.key aarch64 --trial").unwrap();
    assert_eq!((wanted.targets.len(), wanted.trial, wanted.key.to_str()), (1, true, Some("k.key")));
    assert_eq!(read("--key k.key").unwrap().targets, named(&[]).unwrap());
    for (line, part) in
        [("", "tidegate key new"), ("--key", "--key FILE"), ("--key k --fast", "--help"), ("--key k mips", "aarch64")]
    {
        let Err(error) = read(line) else { unreachable!("`{line}` is understood") };
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[test]
fn images_and_packages_have_names_of_their_own() {
    // What is named like a binary is listed as one.
    assert!(!image::file().starts_with(&format!("{NAME}-{VERSION}-")));
    let targets = named(&[]).unwrap();
    for architecture in PACKAGED {
        assert!(targets.iter().any(|target| target.architecture == architecture), "{architecture}");
    }
}

#[test]
fn the_clusters_manifest_names_the_image() {
    let root = Layout::find().unwrap().root;
    let manifest = std::fs::read_to_string(root.join("deploy/kubernetes/statefulset.yaml")).unwrap();
    assert!(manifest.contains(&format!("image: {NAME}:{VERSION}\n")), "{manifest}");
    assert!(manifest.contains("runAsUser: 65532\n"), "{manifest}");
}
