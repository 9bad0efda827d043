#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;

use super::{Floors, FloorsError, Stale};
use tidegate_durable::OpenError;
use tidegate_reference::Reference;

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn older(floors: &Floors, offered: &str) -> bool {
    matches!(floors.check(&reference(offered), "acme").unwrap(), Some(Stale::Older { .. }))
}

#[test]
fn a_floor_rises_and_never_falls_by_itself() {
    let state = tempfile::tempdir().unwrap();
    let floors = Floors::open(state.path()).unwrap();
    assert_eq!(floors.check(&reference("echo@0.0.1"), "anybody").unwrap(), None, "what was never here is not old");
    floors.raise(&reference("echo@1.2.0"), "acme").unwrap();
    floors.raise(&reference("echo@1.0.0"), "acme").unwrap();
    for old in ["echo@1.1.9", "echo@1.2.0-rc.1", "echo@0.9.0"] {
        assert!(older(&floors, old), "{old}");
    }
    for new in ["echo@1.2.0", "echo@1.2.1", "echo@2.0.0-alpha", "other@0.1.0"] {
        assert!(!older(&floors, new), "{new}");
    }
    let text = floors.check(&reference("echo@1.1.9"), "acme").unwrap().unwrap().to_string();
    for part in ["`echo@1.1.9`", "floor is 1.2.0", "`tidegate rollback echo 1.1.9 --reason"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn another_signer_of_the_name_is_refused_whatever_the_version() {
    let state = tempfile::tempdir().unwrap();
    let floors = Floors::open(state.path()).unwrap();
    floors.raise(&reference("echo@1.0.0"), "acme").unwrap();
    for offered in ["echo@1.0.0", "echo@9.0.0", "echo@0.1.0"] {
        let stale = floors.check(&reference(offered), "mallory").unwrap();
        assert!(matches!(stale, Some(Stale::OtherSigner { .. })), "{stale:?}");
    }
    floors.roll_back(&"echo".parse().unwrap(), &"9.0.0".parse().unwrap(), Some("mallory")).unwrap().unwrap();
    assert_eq!(floors.check(&reference("echo@9.0.0"), "mallory").unwrap(), None);
    assert!(floors.check(&reference("echo@9.0.0"), "acme").unwrap().is_some());
}

#[test]
fn a_person_can_lower_a_floor_and_it_is_kept() {
    let state = tempfile::tempdir().unwrap();
    let name = "echo".parse().unwrap();
    {
        let floors = Floors::open(state.path()).unwrap();
        assert_eq!(
            floors.roll_back(&name, &"1.0.0".parse().unwrap(), None).unwrap(),
            None,
            "no floor, nothing to lower"
        );
        floors.raise(&reference("echo@2.0.0"), "acme").unwrap();
        assert!(matches!(Floors::open(state.path()), Err(FloorsError::Open(OpenError::InUse(_)))));
    }
    {
        let floors = Floors::open(state.path()).unwrap();
        assert!(older(&floors, "echo@1.0.0"), "kept over a restart");
        let before = floors.roll_back(&name, &"1.0.0".parse().unwrap(), None).unwrap().unwrap();
        assert_eq!((before.version.to_string().as_str(), before.signer.as_str()), ("2.0.0", "acme"));
        assert!(!older(&floors, "echo@1.0.0"));
    }
    let floors = Floors::open(state.path()).unwrap();
    assert_eq!(floors.list().unwrap()[0].1.version.to_string(), "1.0.0");
    let mode = std::fs::metadata(state.path().join("floors.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_damaged_file_is_an_error_and_no_empty_floor() {
    let state = tempfile::tempdir().unwrap();
    std::fs::write(state.path().join("floors.redb"), b"no database, but long enough to look like one".repeat(200))
        .unwrap();
    assert!(matches!(Floors::open(state.path()), Err(FloorsError::Open(OpenError::Damaged { .. }))));
}
